import { deepStrictEqual as deepEqual, strictEqual as equal, ok } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LaneRequest, LaneState, MoveQuestion, OpenMove, RollbackRequest } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { adopt, drop, pause, resume, unbad, unhold } from '../../src/lane/commands.js';
import { isOlder, keyOf } from '../../src/lane/ledger.js';
import { authorizeMove, LEASE_MS, reportMove } from '../../src/lane/moves.js';
import { applyRecords, changeOf, partsOf } from '../../src/lane/payloads/changes.js';
import { knowsLess, parseLaneState } from '../../src/lane/payloads/state.js';
import { enqueue, grant, resultOf } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { MAX_BUILDS, MAX_KEPT } from '../../src/lane/state.js';
import { runs } from '../support/rows.js';
import { ATTRIBUTION, done, laneAt, NOON, question, run, shaOf, tagsOf } from './lane-support.js';

const LETTERS = [...'bcdef'];
type Result = 'promoted' | 'restored' | 'conflict';

// Node's own assert: a million calls of vitest's `expect` take 20 seconds.
/** Model of the world around a lane, with the invariants that each step checks. */
class World {
  state = laneAt('a');
  now = NOON;
  latest = 'a';
  #runs = 0;
  /** Runs that requested the lane and have not ended. */
  readonly open = new Map<string, LaneRequest>();
  readonly movedParents: string[] = [];
  readonly questions = new Map<string, MoveQuestion>();
  /** Time of each mover's last grant. */
  readonly leaseGrantedAt = new Map<string, number>();
  rollbacks: RollbackRequest[] = [];

  /** Sends a message to the lane twice: the second one must change nothing. */
  send<T>(message: (state: LaneState) => T): T {
    const answer = message(this.state);
    const once = structuredClone(this.state);
    message(this.state);
    deepEqual(this.state, once);
    return answer;
  }

  request(letter: string, sequence: number | undefined, manual: boolean): void {
    this.#runs += 1;
    const numbered = sequence === undefined ? {} : { sequence };
    const request = run(letter, { runId: `run-${this.#runs}`, ...numbered, ...(manual && { manual }) });
    this.open.set(request.runId, request);
    this.send((state) => enqueue(state, request));
  }

  announce(letter: string, force: boolean): void {
    this.#runs += 1;
    const request = { ...run(letter, { runId: `rollback-${this.#runs}` }), force, ...ATTRIBUTION };
    this.rollbacks.push(request);
    let refusal: unknown;
    this.send((state) => {
      refusal = beginRollback(state, request, this.now);
    });
    if (refusal) return;
    const { holder, move } = this.state;
    ok(holder === null || holder.revocation !== undefined);
    ok(move === null || move.leaseRevokedAt !== undefined);
  }

  /** The mover of the holder, of the last rollback, or of any other run requests a write lease. */
  authorize(requester: 'holder' | 'rollback' | 'any', accepted: boolean): void {
    const { holder } = this.state;
    const rollback = this.rollbacks.at(-1);
    const parent = requester === 'rollback' ? rollback : requester === 'holder' ? holder : [...this.open.values()][0];
    if (!parent) return;
    this.#runs += 1;
    const letter = parent.sha[0] as string;
    const kind = requester === 'rollback' ? 'rollback' : 'promotion';
    const more = { kind, mover: `mover-${this.#runs}`, parent: parent.runId, accepted } as const;
    const request = question(letter, this.latest, more);
    // Build `f` has the same content as build `b`.
    if (letter === 'f') request.input.images = question('b', this.latest, more).input.images;
    const before = structuredClone(this.state);
    if (authorizeMove(this.state, request, this.now).decision === 'allow') {
      this.#allowed(before, request);
      this.questions.set(request.moverRunId, request);
      this.leaseGrantedAt.set(request.moverRunId, this.now);
      deepEqual(authorizeMove(this.state, request, this.now), { decision: 'allow' });
    }
  }

  #allowed({ holder, move, rollback, finishedRuns, ledger }: LaneState, { parent, input }: MoveQuestion): void {
    ok(!finishedRuns.includes(parent.runId));
    // Another mover's last grant is so long ago that no write of it is in flight.
    if (move && move.parent.runId !== parent.runId)
      ok(this.now - (this.leaseGrantedAt.get(move.moverRunId) ?? this.now) >= LEASE_MS);
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
    if (ledger.newestPromoted && !(holder?.manual && input.manual))
      ok(!isOlder(keyOf(ledger, input.sha), ledger.newestPromoted.key));
  }

  report(result: Result): void {
    const { move } = this.state;
    const request = move && this.questions.get(move.moverRunId);
    if (!move || !request) return;
    const stopped = move.leaseRevokedAt !== undefined && result !== 'promoted';
    const images = stopped ? ('stopped' as const) : done(request, result);
    this.send((state) => reportMove(state, { ...request, images }, this.now));
    equal(this.state.move, null);
    if (stopped || result === 'restored') return;
    ok(!this.movedParents.includes(request.parent.runId));
    this.movedParents.push(request.parent.runId);
    if (result === 'promoted') this.latest = request.input.sha === shaOf('f') ? 'b' : (request.input.sha[0] as string);
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
    const carried = parseLaneState(JSON.parse(JSON.stringify(this.state)));
    if (carried === null) throw new Error('the next run would not read this state');
    expect(knowsLess(carried, this.state)).toBe(false);
    this.state = carried;
  }

  drop(letter: string): void {
    const { holder } = this.state;
    if (holder?.sha === shaOf(letter)) this.open.delete(holder.runId);
    this.send((state) => void drop(state, shaOf(letter), ATTRIBUTION));
  }

  /** A mover that died without a report is over once no write of it can be in flight. */
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
    this.#hand();
  }

  /** What the lane has handed to its history, added up. */
  #handed: unknown = structuredClone(this.state);
  #steps = 0;
  #hand(): void {
    this.#steps += 1;
    const change = this.#steps % 4 === 0 ? changeOf(this.#handed, this.state) : null;
    if (change === null) return;
    const { state, isWhole } = applyRecords(this.#handed, partsOf(JSON.stringify(change)));
    ok(isWhole);
    deepEqual(state, this.state);
    this.#handed = state;
  }
}

const letter = fc.constantFrom(...LETTERS);
type Step = (world: World) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: requests() },
  { weight: 4, arbitrary: fc.constant((world: World) => void world.send((state) => grant(state, world.now))) },
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
  { weight: 2, arbitrary: fc.constantFrom<Step>(...commands()) },
  // Continue-as-new carries the state as JSON, and a fresh lane recovers it so.
  { weight: 1, arbitrary: fc.constant((world: World) => world.continueAsNew()) },
);

function requests(): fc.Arbitrary<Step> {
  return fc.tuple(letter, fc.option(fc.nat(9), { nil: undefined }), fc.boolean()).map(
    ([of, sequence, manual]) =>
      (world: World) =>
        world.request(of, sequence, manual),
  );
}

function authorizes(): fc.Arbitrary<Step> {
  return fc
    .tuple(fc.constantFrom('holder' as const, 'holder' as const, 'rollback' as const, 'any' as const), fc.boolean())
    .map(
      ([requester, accepted]) =>
        (world: World) =>
          world.authorize(requester, accepted),
    );
}

function commands(): Step[] {
  return [
    (world) => world.send((state) => void pause(state, ATTRIBUTION, undefined, world.now)),
    (world) => world.send((state) => void resume(state)),
    (world) => world.send((state) => void unhold(state)),
    (world) => world.send((state) => void unbad(state, shaOf('c'))),
    (world) => void adopt(world.state, tagsOf(world.latest) as never, shaOf(world.latest), ATTRIBUTION, world.now),
  ];
}

test('any messages in any order keep one holder and one mover, move no known-bad or older build, and lose no run', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const act of steps) {
        act(world);
        world.check();
      }
    }),
    { numRuns: runs(2_000, 100) },
  );
}, 120_000);

describe('the state stays below 256 KiB', () => {
  const LONG = { by: 'ü'.repeat(200), reason: '"ö'.repeat(1_000) };
  const numbered = (index: number) => parseSha(`${index.toString(16).padStart(7, '0')}${'e'.repeat(33)}`);
  const bytes = (state: LaneState) => Buffer.byteLength(JSON.stringify(state));

  /** Promotes `count` builds one after the other. */
  function promoteAll(state: LaneState, count: number, attribution: typeof ATTRIBUTION): void {
    for (let index = 0; index < count; index += 1) {
      const runId = `run-${index}`;
      enqueue(state, run('a', { runId, sha: numbered(index), sequence: index }));
      // The next build supersedes it.
      enqueue(state, run('a', { runId: `again-${index}`, sha: numbered(index) }));
      grant(state, NOON);
      const { input, ...request } = question('a', 'a', { parent: state.holder?.runId ?? '', mover: `mover-${index}` });
      reportMove(
        state,
        { ...request, input: { ...input, sha: numbered(index), ...attribution }, images: done({ ...request, input }) },
        NOON,
      );
      state.holder = null;
    }
  }

  test('after 700 builds with long reasons, a rollback over 349 of them, and 200 dropped runs', () => {
    const state = laneAt('a');
    promoteAll(state, 700, LONG);
    beginRollback(state, { ...run('a', { runId: 'back', sha: numbered(350) }), force: false, ...LONG }, NOON);
    for (let index = 0; index < 200; index += 1) {
      enqueue(state, run('b', { runId: `dropped-${index}` }));
      drop(state, shaOf('b'), LONG);
    }
    expect(bytes(state)).toBeLessThan(256 * 1024);
    expect(state.answers.length).toBeLessThanOrEqual(MAX_KEPT);
    expect(Object.keys(state.ledger.firstPromoted).length).toBeLessThanOrEqual(2 * MAX_BUILDS);
    // The newest known-bad builds are kept: they are the most likely to come back.
    expect(state.ledger.knownBad.length).toBeGreaterThan(50);
    expect(state.ledger.knownBad.at(-1)?.sha).toBe(numbered(699));
    enqueue(state, run('a', { runId: 'late', sha: numbered(699) }));
    expect(resultOf(state, { runId: 'late' })).toMatchObject({ knownBad: expect.stringContaining('rolled back') });
  });

  test('and keeps the last 200 moves if reasons are short', () => {
    const state = laneAt('a');
    promoteAll(state, 250, ATTRIBUTION);
    expect(state.ledger.history).toHaveLength(MAX_BUILDS);
  });

  test('and a rollback still finds the builds after its target when the oldest promotions are forgotten', () => {
    const state = laneAt('a');
    promoteAll(state, 450, ATTRIBUTION);
    beginRollback(state, { ...run('a', { runId: 'back', sha: numbered(446) }), force: false, ...ATTRIBUTION }, NOON);
    expect(state.ledger.knownBad.map(({ sha }) => sha.slice(0, 7))).toEqual(
      [447, 448, 449].map((n) => numbered(n).slice(0, 7)),
    );
  });
});

test('the order of builds has no circle for any sequences', () => {
  const key = fc.record({ sequence: fc.nat(3), seen: fc.nat(3) });
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      expect(isOlder(a, b) && isOlder(b, a)).toBe(false);
      if (isOlder(a, b) && isOlder(b, c)) expect(isOlder(a, c)).toBe(true);
    }),
  );
});
