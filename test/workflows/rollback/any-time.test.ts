import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { digestOf, ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { adopted, laneState, promoted, queuedRelease, stuckHolder } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { catchIn, delayRequests, type Phase } from '../../support/phases.js';
import { BAD, firstPutMs, requireRolledBack as requireBack, rollBack } from '../../support/rollbacks.js';
import { fullTest, rows } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { registry, gate, old, writes, pairs } = await useCountedGate('rollback-any-time');

/** Beyond the lease of a mover that does not answer. */
const MOVING_PUT_MS = 30_000;

let oldDigests: (string | undefined)[];
/** Build that is live; known-bad after the rollback. */
let live: { sha: string; digests: string[] };
beforeEach(async () => {
  oldDigests = await gate().latest();
  // The gate promotes the first one itself.
  live = await (live ? adopted : promoted)(gate());
});

const back = (sha = old, more: { force?: boolean } = {}) => rollBack(gate(), sha, more);
const requireRolledBack = (handle: Awaited<ReturnType<typeof back>>, withinMs?: number) =>
  requireBack(registry, gate(), handle, oldDigests, withinMs);
const isAnnounced = (sha = old) =>
  until('it is announced', async () => (await laneState(gate())).rollback?.sha === sha);

/** Makes the registry refuse the second image of a build, so that its write is retried until `heal`. */
function refuseSecond([, digest]: readonly (string | undefined)[]) {
  let isSeen = false;
  const isSecond = isPut(gate().repositories[1]);
  const heal = registry.faults.add({
    match: (request) => isSecond(request) && digestOf(request.body) === digest,
    respond: () => {
      isSeen = true;
      return ociError(503, 'UNAVAILABLE', 'down');
    },
  });
  return { isSeen: () => isSeen, heal };
}

describe('a rollback starts at once and ends the release that holds the lane', () => {
  test.each(
    rows<Phase>(['resolving', 'awaiting-canary', 'soaking', 'smoking', 'held', 'awaiting-approval'], ['soaking']),
  )('while that is %s', async (phase) => {
    const { handle, release } = await catchIn(phase, gate(), registry, phase === 'soaking' ? { soak: '60s' } : {});
    await requireRolledBack(await back());
    release();
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryAborted',
      why: expect.stringContaining(`a rollback to ${old} was begun by ada: it burns`),
    });
    expect(writes()).toEqual(pairs(2));
  });

  fullTest('while another one waits behind it, which then acquires the lane and is held for a person', async () => {
    const { handle } = await catchIn('awaiting-approval', gate(), registry);
    const next = await queuedRelease(gate());
    await requireRolledBack(await back());
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    gate().deploy({ sha: next.sha });
    const { id } = await heldFor(gate(), next.handle, 'after-rollback');
    expect(writes()).toEqual(pairs(2));
    await say(next.handle, 'approve', { ...ada, hold: id });
    expect((await awaitRunEnd(next.handle)).report).toMatchObject({ outcome: 'promoted' });
    expect((await laneState(gate())).ledger.hold).toBeNull();
    expect(await gate().latest()).toEqual(next.digests);
  });

  fullTest('while the lane is paused', async () => {
    const { handle } = await catchIn('awaiting-approval', gate(), registry);
    await gate().laneClient.update(laneCommandUpdate('pause'), ada);
    await requireRolledBack(await back());
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    await gate().laneClient.update(laneCommandUpdate('resume'), ada);
  });

  fullTest('while the workflow task of that release fails forever', async () => {
    const { handle } = await stuckHolder(gate());
    await requireRolledBack(await back());
    await handle.terminate('by the test');
  });
});

describe('a rollback in the middle of a pair', () => {
  test('moves both images when a write that is in flight lands after the rollback was announced', async () => {
    const second = delayRequests({ gate: gate(), registry }, isPut(gate().repositories[1]));
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await until('one image is written, the other is on its way', () => second.reached() && writes().length === 3);
    const rollback = await back();
    await isAnnounced();
    second.release();
    await requireRolledBack(rollback, MOVING_PUT_MS);
    // The write in flight was the last one of the release: the release is promoted, and its build is known-bad anyway.
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    const { knownBad, history } = (await laneState(gate())).ledger;
    expect(knownBad.map((one) => one.sha)).toEqual(expect.arrayContaining([sha, live.sha]));
    expect(history.at(-1)).toMatchObject({ kind: 'rollback', sha: old });
  });

  fullTest(
    'stops a release that still retries the write of its second image',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const refused = refuseSecond(digests);
      const handle = await gate().release({ sha });
      await until('one image is written, the other is refused', () => refused.isSeen() && writes().length === 3);
      const rollback = await back();
      await requireRolledBack(rollback, MOVING_PUT_MS);
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'CanaryBuildBad',
        why: expect.stringMatching(BAD),
      });
      refused.heal();
      const [one, other] = gate().repositories;
      // Both once for what is live and once for the rollback; the first one once more.
      expect(writes()).toEqual([one, one, one, other, other]);
    },
    90_000,
  );
});

fullTest('of two rollbacks at once the one announced last wins, and the other moves nothing from then on', async () => {
  const refused = refuseSecond(oldDigests);
  const loser = await back();
  await until('the first rollback writes', refused.isSeen);
  // The first rollback marked this build as known-bad.
  const winner = await back(live.sha, { force: true });
  const ends = await Promise.all([awaitRunEnd(winner), awaitRunEnd(loser)]);
  refused.heal();
  const since = (await firstPutMs(registry, winner, live.digests)) + (await winner.describe()).startTime.getTime();
  const isWrite = isPut();
  const late = registry.requests.filter(
    (request) => request.at > since && isWrite(request) && oldDigests.includes(digestOf(request.body)),
  );
  expect(late).toEqual([]);
  expect(ends.map(({ report }) => report?.outcome)).toEqual([
    expect.stringMatching(/^(rolled-back|already)$/),
    'MoveRefused',
  ]);
  expect(await gate().latest()).toEqual(live.digests);
  expect((await laneState(gate())).ledger.knownBad.map(({ sha }) => sha)).not.toContain(live.sha);
});

fullTest(
  'of two rollbacks on a registry that is slow to read the one announced last moves, and the other does not end its mover',
  async () => {
    let isLooking = false;
    // Longer than a rollback waits for a mover without a write lease.
    const heal = registry.faults.add({
      match: ({ method, path }) =>
        // The copy of the ledger lies beside the first image.
        method === 'POST' && path.startsWith(`/v2/${gate().repositories[1]}/`) && path.includes('/blobs/uploads'),
      respond: async (_request, serve) => {
        isLooking = true;
        await delay(2_500);
        return serve();
      },
    });
    const loser = await back();
    await until('its mover looks', () => isLooking);
    const winner = await back(live.sha, { force: true });
    const ends = await Promise.all([awaitRunEnd(winner), awaitRunEnd(loser)]);
    heal();
    expect(ends.map(({ report }) => report?.outcome)).toEqual(['already', 'MoveRefused']);
    expect(await gate().latest()).toEqual(live.digests);
  },
);
