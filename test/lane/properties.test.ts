import { deepStrictEqual as deepEqual, strictEqual as equal, ok } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LaneRequest, LaneState, MoveQuestion, OpenMove, RollbackRequest } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { adopt, drop, pause, resume, unbad, unhold } from '../../src/lane/commands.js';
import { isOlder, keyOf } from '../../src/lane/ledger.js';
import { authorizeMove, LEASE_MS, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant, resultOf } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { MAX_BUILDS, MAX_KEPT } from '../../src/lane/state.js';
import { done, laneAt, NOON, question, run, SAID, shaOf, standing } from './lane-support.js';

const LETTERS = [...'bcdef'];
type Result = 'promoted' | 'restored' | 'conflict';

// Asserted by Node's own assert: of vitest's `expect`, a million calls take twenty seconds.
/** The world around a lane, and what it must never see happen. */
class World {
  state = laneAt('a');
  now = NOON;
  latest = 'a';
  #runs = 0;
  /** Asked, and not known to have ended. */
  readonly open = new Map<string, LaneRequest>();
  readonly movedParents: string[] = [];
  readonly questions = new Map<string, MoveQuestion>();
  /** When each mover was told yes last. */
  readonly yesAt = new Map<string, number>();
  rollbacks: RollbackRequest[] = [];

  /** Says something to the lane; saying it once more changes nothing. */
  say<T>(what: (state: LaneState) => T): T {
    const answer = what(this.state);
    const once = structuredClone(this.state);
    what(this.state);
    deepEqual(this.state, once);
    return answer;
  }

  ask(letter: string, sequence: number | undefined, byWord: boolean): void {
    this.#runs += 1;
    const numbered = sequence === undefined ? {} : { sequence };
    const asked = run(letter, { runId: `run-${this.#runs}`, ...numbered, ...(byWord && { manual: byWord }) });
    this.open.set(asked.runId, asked);
    this.say((state) => enqueue(state, asked));
  }

  announce(letter: string, force: boolean): void {
    this.#runs += 1;
    const said = { ...run(letter, { runId: `rollback-${this.#runs}` }), force, ...SAID };
    this.rollbacks.push(said);
    let no: unknown;
    this.say((state) => {
      no = beginRollback(state, said, this.now);
    });
    if (no) return;
    const { holder, move } = this.state;
    ok(holder === null || holder.revocation !== undefined);
    ok(move === null || move.leaseRevokedAt !== undefined);
  }

  /** A mover asks: of the holder, of the last rollback, or of somebody who has no business here. */
  authorize(whose: 'holder' | 'rollback' | 'anybody', accepted: boolean): void {
    const { holder } = this.state;
    const rollback = this.rollbacks.at(-1);
    const parent = whose === 'rollback' ? rollback : whose === 'holder' ? holder : [...this.open.values()][0];
    if (!parent) return;
    this.#runs += 1;
    const letter = parent.sha[0] as string;
    const kind = whose === 'rollback' ? 'rollback' : 'promotion';
    const more = { kind, mover: `mover-${this.#runs}`, parent: parent.runId, accepted } as const;
    const asked = question(letter, this.latest, more);
    // A build of the same content as another.
    if (letter === 'f') asked.input.images = question('b', this.latest, more).input.images;
    const before = structuredClone(this.state);
    if (authorizeMove(this.state, asked, this.now).decision === 'allow') {
      this.#allowed(before, asked);
      this.questions.set(asked.moverRunId, asked);
      this.yesAt.set(asked.moverRunId, this.now);
      deepEqual(authorizeMove(this.state, asked, this.now), { decision: 'allow' });
    }
  }

  #allowed({ holder, move, rollback, finishedRuns, ledger }: LaneState, { parent, input }: MoveQuestion): void {
    ok(!finishedRuns.includes(parent.runId));
    // The last yes of another one was that long ago that nothing of it is on its way.
    if (move && move.parent.runId !== parent.runId)
      ok(this.now - (this.yesAt.get(move.moverRunId) ?? this.now) >= LEASE_MS);
    const digests = input.images.map(({ to }) => to);
    const isBad = ledger.knownBad.some(
      (one) => one.sha === input.sha || one.digests.some((digest) => digests.includes(digest)),
    );
    if (input.kind === 'rollback') {
      equal(rollback?.runId, parent.runId);
      ok(!(isBad && !rollback?.force));
      return;
    }
    equal(holder?.runId, parent.runId);
    equal(holder?.revocation, undefined);
    equal(rollback, null);
    ok(!isBad);
    ok(ledger.hold === null || input.accepted === true);
    if (ledger.newestPromoted && !holder?.manual) ok(!isOlder(keyOf(ledger, input.sha), ledger.newestPromoted.key));
  }

  report(result: Result): void {
    const { move } = this.state;
    const asked = move && this.questions.get(move.moverRunId);
    if (!move || !asked) return;
    const stopped = move.leaseRevokedAt !== undefined && result !== 'promoted';
    const images = stopped ? ('stopped' as const) : done(asked, result);
    this.say((state) => reportMove(state, { ...asked, images }, this.now));
    equal(this.state.move, null);
    if (stopped || result === 'restored') return;
    ok(!this.movedParents.includes(asked.parent.runId));
    this.movedParents.push(asked.parent.runId);
    if (result === 'promoted') this.latest = asked.input.sha === shaOf('f') ? 'b' : (asked.input.sha[0] as string);
  }

  holderEnds(): void {
    if (this.state.holder) this.open.delete(this.state.holder.runId);
    this.state.holder = null;
  }

  rollbackEnds(): void {
    this.state.rollback = null;
  }

  wait(ms: number): void {
    this.now += ms;
  }

  continueAsNew(): void {
    this.state = JSON.parse(JSON.stringify(this.state));
  }

  drop(letter: string): void {
    const { holder } = this.state;
    if (holder?.sha === shaOf(letter)) this.open.delete(holder.runId);
    this.say((state) => void drop(state, shaOf(letter), SAID));
  }

  /** As its followers see it: a mover that died without a report is over once nothing of it is on its way. */
  moverDies(move: OpenMove | null): void {
    if (move) this.now += LEASE_MS;
    this.state.move = null;
  }

  check(): void {
    const { holder, queue, answers, finishedRuns, move } = this.state;
    ok(!queue.some(({ runId }) => runId === holder?.runId));
    equal(new Set(queue.map(({ runId }) => runId)).size, queue.length);
    ok(queue.filter(({ manual }) => !manual).length <= 1);
    ok(answers.length <= MAX_KEPT);
    equal(new Set(finishedRuns).size, finishedRuns.length);
    if (move) ok(!finishedRuns.includes(move.parent.runId));
    for (const { runId } of this.open.values())
      ok(queue.some((one) => one.runId === runId) || resultOf(this.state, { runId }) !== null, runId);
    deepEqual(JSON.parse(JSON.stringify(this.state)), this.state);
  }
}

const letter = fc.constantFrom(...LETTERS);
type Step = (world: World) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: asks() },
  { weight: 4, arbitrary: fc.constant((world: World) => void world.say((state) => grant(state, world.now))) },
  { weight: 5, arbitrary: authorizes() },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom<Result>('promoted', 'restored', 'conflict')
      .map((result) => (w: World) => w.report(result)),
  },
  { weight: 2, arbitrary: fc.constant((world: World) => world.holderEnds()) },
  {
    weight: 1,
    arbitrary: fc.tuple(letter, fc.boolean()).map(
      ([of, force]) =>
        (w: World) =>
          w.announce(of, force),
    ),
  },
  { weight: 1, arbitrary: fc.constant((world: World) => world.rollbackEnds()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.moverDies(world.state.move)) },
  { weight: 1, arbitrary: letter.map((of) => (world: World) => world.drop(of)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 70_000 }).map((ms) => (world: World) => world.wait(ms)) },
  { weight: 2, arbitrary: fc.constantFrom<Step>(...words()) },
  // What a continue-as-new carries, and a fresh lane recovers.
  { weight: 1, arbitrary: fc.constant((world: World) => world.continueAsNew()) },
);

function asks(): fc.Arbitrary<Step> {
  return fc.tuple(letter, fc.option(fc.nat(9), { nil: undefined }), fc.boolean()).map(
    ([of, sequence, byWord]) =>
      (world: World) =>
        world.ask(of, sequence, byWord),
  );
}

function authorizes(): fc.Arbitrary<Step> {
  return fc
    .tuple(fc.constantFrom('holder' as const, 'holder' as const, 'rollback' as const, 'anybody' as const), fc.boolean())
    .map(
      ([whose, accepted]) =>
        (world: World) =>
          world.authorize(whose, accepted),
    );
}

function words(): Step[] {
  return [
    (world) => world.say((state) => void pause(state, SAID, undefined, world.now)),
    (world) => world.say((state) => void resume(state)),
    (world) => world.say((state) => void unhold(state)),
    (world) => world.say((state) => void unbad(state, shaOf('c'))),
    (world) => void adopt(world.state, standing(world.latest) as never, shaOf(world.latest), SAID, world.now),
  ];
}

test('whatever is said in whatever order: one holder, one mover, nothing bad or old moved, nobody lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const act of steps) {
        act(world);
        world.check();
      }
    }),
    { numRuns: 2_000 },
  );
}, 120_000);

describe('the state stays below 256 KiB', () => {
  const LONG = { by: 'ü'.repeat(200), reason: '"ö'.repeat(1_000) };
  const numbered = (index: number) => parseSha(`${index.toString(16).padStart(7, '0')}${'e'.repeat(33)}`);
  const bytes = (state: LaneState) => Buffer.byteLength(JSON.stringify(state));

  /** As one release after the other leaves it. */
  function promoteAll(state: LaneState, count: number, said: typeof SAID): void {
    for (let index = 0; index < count; index += 1) {
      const runId = `run-${index}`;
      enqueue(state, run('a', { runId, sha: numbered(index), sequence: index }));
      // It is passed by the next.
      enqueue(state, run('a', { runId: `again-${index}`, sha: numbered(index) }));
      grant(state, NOON);
      const { input, ...asked } = question('a', 'a', { parent: state.holder?.runId ?? '', mover: `mover-${index}` });
      reportMove(
        state,
        { ...asked, input: { ...input, sha: numbered(index), ...said }, images: done({ ...asked, input }) },
        NOON,
      );
      state.holder = null;
    }
  }

  test('after 2,000 builds with long reasons, a rollback over 349 of them, and 200 runs that were dropped', () => {
    const state = laneAt('a');
    promoteAll(state, 2_000, LONG);
    beginRollback(state, { ...run('a', { runId: 'back', sha: numbered(1_650) }), force: false, ...LONG }, NOON);
    for (let index = 0; index < 200; index += 1) {
      enqueue(state, run('b', { runId: `dropped-${index}` }));
      drop(state, shaOf('b'), LONG);
    }
    expect(bytes(state)).toBeLessThan(256 * 1024);
    expect(state.answers.length).toBeLessThanOrEqual(MAX_KEPT);
    expect(Object.keys(state.ledger.firstPromoted).length).toBeLessThanOrEqual(2 * MAX_BUILDS);
    // The newest are the ones that are most likely to come back.
    expect(state.ledger.knownBad.length).toBeGreaterThan(50);
    expect(state.ledger.knownBad.at(-1)?.sha).toBe(numbered(1_999));
    enqueue(state, run('a', { runId: 'late', sha: numbered(1_999) }));
    expect(resultOf(state, { runId: 'late' })).toMatchObject({ knownBad: expect.stringContaining('rolled back') });
  });

  test('with the last 200 moves, when people use few words', () => {
    const state = laneAt('a');
    promoteAll(state, 250, SAID);
    expect(state.ledger.history).toHaveLength(MAX_BUILDS);
  });

  test('and a rollback still knows what came after its target when the first promotions are forgotten', () => {
    const state = laneAt('a');
    promoteAll(state, 600, SAID);
    beginRollback(state, { ...run('a', { runId: 'back', sha: numbered(596) }), force: false, ...SAID }, NOON);
    expect(state.ledger.knownBad.map(({ sha }) => sha.slice(0, 7))).toEqual(
      [597, 598, 599].map((n) => numbered(n).slice(0, 7)),
    );
  });
});

test('which build is newer is never a circle, whatever sequences they came with', () => {
  const key = fc.record({ sequence: fc.nat(3), seen: fc.nat(3) });
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      expect(isOlder(a, b) && isOlder(b, a)).toBe(false);
      if (isOlder(a, b) && isOlder(b, c)) expect(isOlder(a, c)).toBe(true);
    }),
  );
});
