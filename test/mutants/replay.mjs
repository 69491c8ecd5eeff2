const EVENTS = 'src/cli/commands/events.ts';
const LOST = 'src/temporal/deliveries/lost-events.ts';
const HISTORIES = 'src/temporal/deliveries/histories.ts';
const OVERTAKEN = 'src/domain/events/overtaken.ts';
const GITHUB = 'src/notify/github/github.ts';

const CLI =
  'test/cli/replay.test.ts > the advised replay sends alarms of a mover and of the lane, once and no hold that is over, beside a worker';
const REFUSED =
  'test/cli/replay.test.ts > an event that a sink refuses for good holds up no other one, and is noted if the sink takes another';
const RIGHT =
  'test/cli/replay.test.ts > what GitHub refuses for want of a right holds up no other event, and is sent once the token has the right';
const BESIDE = 'test/temporal/beside.test.ts >';
const KEYS = `${BESIDE} what a sink lost while a key is missing that encrypted it`;
const UNIT = 'test/domain/overtaken.test.ts >';
const SINKS = 'test/notify/replayed.test.ts >';

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
    find: '      await note(part.lost);\n',
    replace: '',
    test: CLI,
  },
  {
    name: 'replay-blocked',
    breaks: 'one event that a sink refuses for good holds up all behind it in each replay',
    file: EVENTS,
    find: 'if (!error.isFinal && !error.isDenied) break;',
    replace: 'break;',
    test: REFUSED,
  },
  {
    name: 'replay-refused-again',
    breaks: 'status advises a replay that can only be refused',
    file: EVENTS,
    find: 'if (sent > 0) for (const { lost } of refused) await note(lost);',
    replace: '',
    test: REFUSED,
  },
  {
    name: 'replay-refused-by-all',
    breaks: 'a replay to a wrong address notes all that was lost as done',
    file: EVENTS,
    find: 'if (sent > 0) for (const { lost }',
    replace: 'for (const { lost }',
    test: REFUSED,
  },
  {
    name: 'replay-blocked-by-a-right',
    breaks: 'an event that GitHub refuses for want of a right holds up all behind it in each replay',
    file: EVENTS,
    find: 'if (!error.isFinal && !error.isDenied) break;',
    replace: 'if (!error.isFinal) break;',
    test: RIGHT,
  },
  {
    name: 'replay-right-noted',
    breaks: 'what GitHub refused for want of a right is not sent once the token has it',
    file: EVENTS,
    find: 'if (error.isFinal) refused.push(part);',
    replace: 'refused.push(part);',
    test: RIGHT,
  },
  {
    name: 'replay-blocked-by-a-sink',
    breaks: 'a sink that is down keeps the others from what they lost',
    file: EVENTS,
    find: 'if (!error.isFinal && !error.isDenied) break;',
    replace: 'if (!error.isFinal && !error.isDenied) throw error;',
    test: 'test/cli/replay.test.ts > a sink that is down stops no other one',
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
    name: 'replay-carried-and-terminated',
    breaks: 'what the deliveries had carried on is lost without a word if a person terminates them',
    file: LOST,
    find: " && run.status.name !== 'CONTINUED_AS_NEW'",
    replace: '',
    test: `${BESIDE} an event that a delivery carried to its next run is lost if that was terminated`,
  },
  {
    name: 'replay-without-its-key',
    breaks: 'a replay from a shell without the payload key says that nothing was lost',
    file: HISTORIES,
    find: '      if (error instanceof PayloadUnreadable) throw error;\n',
    replace: '      if (error === PayloadUnreadable) throw error;\n',
    test: `${KEYS} is not sent in part, but told, with the key that it needs`,
  },
  {
    name: 'replay-hidden-order',
    breaks: 'a shell with a part of the keys sends RED again that a promotion came after',
    file: HISTORIES,
    find: '  for (const error of unread.values()) throw error;\n',
    replace: '',
    test: `${KEYS} is not sent if a later order alone is hidden, unless the run dropped that: anybody may send one`,
  },
  {
    name: 'replay-blocked-by-a-stranger',
    breaks: 'anybody can keep people from replays, by a signal that is encrypted with any key',
    file: HISTORIES,
    find: '    unread.delete(patchIn(event));\n',
    replace: '    patchIn(event);\n',
    test: 'test/cli/replay.test.ts > an order that a stranger encrypted, and that the worker dropped, keeps no one from a replay',
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
    find: "(sink.name !== 'webhook' && lost.isOvertaken) || ",
    replace: '',
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
  {
    name: 'replay-found-live',
    breaks: 'a promotion that is still true is never told, because its build was released again and found live',
    file: OVERTAKEN,
    find: 'if (isMove(event)) return own.some(isMove);',
    replace: '',
    test: `${UNIT} a promotion, after which its build was found live, is overtaken or not`,
  },
  {
    name: 'replay-found-live-moves',
    breaks: 'Slack is not told of a promotion because its build was found live since',
    file: OVERTAKEN,
    find: 'namesLatest(event) && !movedNothing(event)',
    replace: 'namesLatest(event) && typeof movedNothing(event) === "boolean"',
    test: `${SINKS} Slack is not told again of a promotion after which \`:latest\` moved again`,
  },
  {
    name: 'replay-old-status',
    breaks: 'a commit whose release was rejected gets the success of the release before',
    file: GITHUB,
    find: 'one.workflowId === event.workflowId && commitState(one) !== undefined',
    replace: 'false',
    test: `${SINKS} GitHub, told again after an outage, of a promotion whose build was released again, leaves the status of that release`,
  },
  {
    name: 'replay-closes-the-issue',
    breaks: 'the issue of a build that is RED is closed by a promotion before it',
    file: GITHUB,
    find: 'isGreen(event) && !later.some(isTrouble)',
    replace: 'isGreen(event)',
    test: `${SINKS} GitHub, told again after an outage, of a promotion before RED, keeps the issue open, and gets status and deployment`,
  },
  {
    name: 'replay-opens-an-issue',
    breaks: 'RED before a promotion opens an issue that stays open until the next one',
    file: GITHUB,
    find: 'isTrouble(event) && !later.some(isGreen)',
    replace: 'isTrouble(event)',
    test: `${SINKS} GitHub, told again after an outage, of RED before a promotion, opens no issue, and sets the status of that commit`,
  },
  {
    name: 'replay-old-deployment',
    breaks: 'GitHub shows a build as deployed that is no longer live',
    file: GITHUB,
    find: 'isPast && namesLatest(event) ? null : ',
    replace: '',
    test: `${SINKS} GitHub, told again after an outage, of a promotion before the last move of \`:latest\`, sets its status, and makes no deployment of it`,
  },
  {
    name: 'replay-old-promotion',
    breaks: 'Slack is told of a promotion as of the last one',
    file: 'src/notify/slack.ts',
    find: 'if (namesLatest(event) && later.some(isMove)) return false;',
    replace: '',
    test: `${SINKS} Slack is not told again of a promotion after which \`:latest\` moved again`,
  },
];
