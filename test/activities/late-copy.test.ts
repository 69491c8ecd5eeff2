import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAgain, withCopy } from '../../activities/lane/ledger-copy.js';
import type { Tag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { shortSha } from '../../src/contract/sha.js';
import { adopt } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { noteVerdict } from '../../src/lane/verdicts.js';
import { ATTRIBUTION, done, NOON, question, run, shaOf, tagsOf } from '../lane/lane-support.js';
import { runs } from '../support/rows.js';

const MINUTE = 60_000;
type Step = { kind: 'adopt' | 'promotion' | 'rollback' | 'RED' | 'GREEN'; letter: string };

/** What a person makes a lane do, which knows a part of its ledger or all of it. */
function take(state: LaneState, { kind, letter }: Step, nth: number): void {
  const [now, runId] = [NOON + nth * MINUTE, `run-${nth}`];
  const sha = shaOf(letter);
  if (kind === 'adopt') adopt(state, tagsOf(letter), sha, ATTRIBUTION, now);
  else if (kind === 'RED' || kind === 'GREEN')
    noteVerdict(state, { sha, verdict: kind, failed: [], runId, at: new Date(now).toISOString() });
  else {
    if (kind === 'rollback') beginRollback(state, { ...run(letter, { runId }), force: true, ...ATTRIBUTION }, now);
    else enqueue(state, run(letter, { runId, manual: true, promoteOnly: true, force: true }));
    grant(state, now);
    const forced = { manual: true, force: true, accepted: true };
    const asked = question(letter, letter, { kind, mover: runId, parent: runId, ...forced });
    if (authorizeMove(state, asked, now).decision === 'allow')
      reportMove(state, { ...asked, images: done(asked) }, now);
    Object.assign(state, { rollback: null, holder: null });
  }
}

const steps = (minLength: number) =>
  fc.array(
    fc.record<Step>({
      kind: fc.constantFrom('adopt', 'promotion', 'promotion', 'rollback', 'RED', 'GREEN'),
      letter: fc.constantFrom(...'abcdef'),
    }),
    { minLength, maxLength: 6 },
  );
const copyOf = ({ ledger }: LaneState) => ({
  generation: ledger.expectedLatest?.at ?? 0,
  ledger: structuredClone(ledger),
  tag: 'latest' as Tag,
  isSigned: true,
});
const PARTIAL = { problems: ['HTTP 503'], isAnswered: false };
const marked = ({ ledger }: LaneState) => ledger.knownBad.map(({ sha }) => shortSha(sha));
const moves = ({ ledger }: LaneState) => ledger.history.map(({ sha, kind, at }) => `${at} ${kind} ${sha}`);

test('a lane that reads its copies late has the history, the verdicts and every mark of one that had them, and no other mark than it made', () => {
  const first: Step = { kind: 'adopt', letter: 'a' };
  fc.assert(
    fc.property(
      fc.tuple(steps(0), steps(0), steps(0), steps(1), fc.boolean()),
      ([kept, older, newer, since, hasOlder]) => {
        const full = emptyLane();
        let nth = 0;
        const go = (states: LaneState[], made: Step[]) => {
          for (const step of made) {
            nth += 1;
            for (const state of states) take(state, step, nth);
          }
        };
        go([full], [first, ...kept]);
        const temporal = kept.length > 0 ? structuredClone(full) : null;
        // A copy is written after a move or an adoption.
        go([full], [...older, first]);
        const old = copyOf(full);
        go([full], [...newer, first]);
        const copy = copyOf(full);
        const began = withCopy(temporal, { copy: hasOlder ? old : null, ...PARTIAL });
        if (!began) throw new Error('it begins on hold');
        go([full, began], [first, ...since]);
        const late = readAgain(structuredClone(began), { copy, problems: [], isAnswered: true });
        if (!late) throw new Error('it goes on');
        expect(moves(late)).toEqual(moves(full));
        expect(late.ledger.firstPromoted).toEqual(full.ledger.firstPromoted);
        expect(late.ledger.verdicts).toEqual(expect.arrayContaining(full.ledger.verdicts));
        expect(marked(late)).toEqual(expect.arrayContaining(marked(full)));
        expect([...marked(full), ...marked(began)]).toEqual(expect.arrayContaining(marked(late)));
      },
    ),
    { numRuns: runs(3_000, 300) },
  );
});
