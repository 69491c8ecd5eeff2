const EVENTS = 'src/cli/commands/events.ts';
const LOST = 'src/temporal/deliveries/lost-events.ts';
const HISTORIES = 'src/temporal/deliveries/histories.ts';
const OVERTAKEN = 'src/domain/events/overtaken.ts';

const CLI =
  'test/cli/replay.test.ts > the advised replay sends alarms of a mover and of the lane, once and no hold that is over, beside a worker';
const BESIDE = 'test/temporal/beside.test.ts >';
const UNIT = 'test/domain/overtaken.test.ts >';

export default [
  {
    name: 'replay-needs-a-sha',
    breaks: 'alarms of the lane, which are of no build, are never sent again',
    file: LOST,
    find: 'sha === null ? at >= since',
    replace: 'sha === null ? at >= since && event.sha !== undefined',
    test: CLI,
  },
  {
    name: 'replay-not-noted',
    breaks: 'a second replay sends everything once more',
    file: EVENTS,
    find: 'else over += 1;\n      await noteReplayed(client, lane, one);',
    replace: 'else over += 1;',
    test: CLI,
  },
  {
    name: 'replay-note-unread',
    breaks: 'status advises a replay that was made',
    file: HISTORIES,
    find: 'orders.replayed.add(keyOf(String(sink), event))',
    replace: 'void sink',
    test: `${BESIDE} what a sink lost is neither told nor sent any more once it was noted as replayed, also while no list has that note`,
  },
  {
    name: 'replay-list-lags',
    breaks: 'the last run is unknown until a list has it, so a replay right after another sends everything once more',
    file: HISTORIES,
    find: 'return [last, ...found]',
    replace: 'return [...found]',
    test: `${BESIDE} events of a delivery are told also while a list does not have it yet`,
  },
  {
    name: 'replay-old-holds',
    breaks: 'Slack shows a hold that is over as one that waits',
    file: EVENTS,
    find: '|| !one.isOvertaken',
    replace: '|| true',
    test: CLI,
  },
  {
    name: 'replay-decided-hold',
    breaks: 'a hold that was decided in a run that goes on is sent again',
    file: OVERTAKEN,
    find: '!isOpen || own.some(endsHold)',
    replace: '!isOpen',
    test: `${UNIT} a hold that was decided, is overtaken or not`,
  },
  {
    name: 'replay-phase-after-end',
    breaks: 'a commit is pending again after its promotion',
    file: OVERTAKEN,
    find: 'return !isOpen || isPassed;',
    replace: 'return !isOpen;',
    test: `${UNIT} a phase of a run that ended, is overtaken or not`,
  },
  {
    name: 'replay-end-of-an-earlier-run',
    breaks: 'a commit that was released again and promoted gets the failure of the release before',
    file: OVERTAKEN,
    find: 'return isEnd(event) && isPassed;',
    replace: 'return false;',
    test: `${UNIT} an end of a build that was released again, is overtaken or not`,
  },
];
