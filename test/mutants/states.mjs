const STATES = 'test/workflows/states.test.ts';
const again = 'leaves nothing half done, says what is missing, and can be begun again';
const named = 'is named with the fix, does not go round, moves nothing, and goes on afterwards';

export default [
  {
    name: 'states-lane-not-begun',
    breaks: 'a mover waits for a lane that a person ended, and that no message starts again',
    file: 'activities/move-authorizer.ts',
    find: 'if ((await lane.openRun()) === null) await lane.begin();',
    replace: '',
    test: `${STATES} > by a cancel: lane: ${again}`,
  },
  {
    name: 'states-beside-unnamed',
    breaks: 'only releases, rollbacks, the lane and the mover are looked at for what stops them',
    file: 'src/temporal/records/trouble.ts',
    find: 'new Set([...fixed, ...open])',
    replace: 'new Set(fixed)',
    test: `${STATES} > by a pause: watch: ${named}`,
  },
  {
    name: 'states-watch-ended',
    breaks: 'a watch over production that was terminated is not told',
    file: 'src/temporal/production.ts',
    find: 'if (ended !== null)',
    replace: 'if (ended === undefined)',
    test: `${STATES} > by a terminate: watch: ${again}`,
  },
  {
    name: 'states-events-lost',
    breaks: 'events that a terminated delivery had not delivered are lost without a word',
    file: 'src/temporal/records/lost-events.ts',
    find: 'runs.every((run) => earlyEnd(run) === null)',
    replace: 'runs.length > 0',
    test: `${STATES} > by a cancel: delivery: ${again}`,
  },
  {
    name: 'states-lane-called-check-drift',
    breaks: 'the mover of a lane called check-drift counts as a check that no release waits for',
    file: 'src/contract/ids.ts',
    find: 'check-drift(?:-\\\\d{4}-\\\\d\\\\d-[^-]+)?',
    replace: 'check-drift(?:-.+)?',
    test: 'test/domain/names.test.ts > releases of lane "check-drift" wait for its releases, mover and lane, and for nothing that stands beside them',
  },
  {
    name: 'states-reset-drops-events',
    breaks: 'the advice for a delivery that is stuck drops the events that it has not delivered',
    file: 'src/temporal/records/trouble.ts',
    find: "? '' : ' --reapply-exclude Signal'",
    replace: "? ' --reapply-exclude Signal' : ' --reapply-exclude Signal'",
    test: 'test/temporal/troubles.test.ts > a delivery of events that is stuck is reset with its signals, and every other run without',
  },
];
