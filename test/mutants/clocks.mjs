// What goes wrong where a clock that may be set measures how long something takes.
export default [
  {
    name: 'wait-by-a-clock-that-is-set',
    breaks: 'a release waits for an hour for a lane that has answered, because the clock of its worker was set back',
    file: 'activities/waits.ts',
    find: "(seen === 'failed' ? REFUSED_MS : LANE_POLL_MS) - performance.now()));\n    lookedAt = performance.now();",
    replace: "(seen === 'failed' ? REFUSED_MS : LANE_POLL_MS) - Date.now()));\n    lookedAt = Date.now();",
    hangs: true,
    test: 'test/activities/waits.test.ts > one that waits for a lane asks on at its pace, though the clock is set back by an hour',
  },
  {
    name: 'contact-lost-by-one-clock',
    breaks: 'a mover that was away for over a minute writes over what a person moved, because its clock is behind',
    file: 'activities/move.ts',
    find: 'Math.abs(silentMs) > waits.lostMs',
    replace: 'silentMs > waits.lostMs',
    test: 'test/activities/clocks.test.ts > a mover whose first attempt died on a machine with a clock an hour ahead of this one writes nothing over what a person may have moved',
  },
  {
    name: 'settles-by-a-clock-that-is-set',
    breaks: 'a mover ends while a write of its attempt before may arrive, because the clock was set forth',
    edits: [
      {
        file: 'activities/move.ts',
        find: 'const settledAt = performance.now() +',
        replace: 'const settledAt = Date.now() +',
      },
      { file: 'activities/move.ts', find: 'settledAt - performance.now()', replace: 'settledAt - Date.now()' },
    ],
    test: 'test/activities/clocks.test.ts > a mover whose first attempt died ends when no write of that one can arrive any more, though the clock is set forth',
  },
  {
    name: 'recent-by-the-clock-of-the-machine',
    breaks: 'a read from before the last move proves a write, because the clock of the worker is ahead',
    file: 'activities/move-authorizer.ts',
    find: 'mover.clock() - expectedAt < ms',
    replace: 'Date.now() - expectedAt < ms',
    test: 'test/activities/clocks.test.ts > a mover on a machine with a clock ahead knows of a move of a moment ago',
  },
  {
    name: 'drift-by-the-clock-of-the-machine',
    breaks: 'a lagging read right after a move holds the lane, because the clock of the worker is ahead',
    file: 'activities/lane/check-drift.ts',
    find: 'scheduledAt() - expected.at < waits.recentMs',
    replace: 'Date.now() - expected.at < waits.recentMs',
    test: 'test/activities/check-drift.test.ts > a check that was scheduled right after a move compares nothing yet, whatever the clock of its machine says',
  },
  {
    name: 'late-by-a-clock-of-the-future',
    breaks:
      'the images are not read again although a write of the attempt before may arrive, because two clocks differ',
    file: 'activities/move.ts',
    find: 'lostContact && silentMs > 0 && error',
    replace: 'lostContact && error',
    test: 'test/activities/clocks.test.ts > a mover whose first attempt died on a machine with a clock an hour ahead of this one writes nothing over what a person may have moved',
  },
  {
    name: 'poll-by-a-clock-set-back',
    breaks: 'a clock that is set back during a poll of production delays its red by an hour',
    file: 'src/domain/production-watch.ts',
    find: 'ended < begun || ',
    replace: '',
    test: 'test/domain/production-watch.test.ts > starts again after a clock that is set back during a poll, and no time is taken from it',
  },
];
