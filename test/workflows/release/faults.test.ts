import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { laneRevokedSignal } from '../../../src/contract/messages.js';
import { MoveRefusal } from '../../../src/move/write-lease.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { ociError, type RegistryRequest } from '../../../testbed/registry-store.js';
import { beforeAuthorize } from '../../support/authorizers.js';
import { ada, heldFor, refusal, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { latch } from '../../support/latch.js';
import { firstRows, fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

let registry: MemoryRegistry;
/** Movers that were not answered, while the lane is silent; null while it answers. */
let unanswered: number | null = null;
const wrapAuthorizer = beforeAuthorize(() => {
  if (unanswered === null) return;
  unanswered += 1;
  throw new MoveRefusal('lane-unavailable', 'Temporal did not answer within 60 s whether the move is allowed');
});
const gate = useGate('faults', async () => {
  registry = await startMemoryRegistry();
  return {
    wrapAuthorizer,
    registry: registry.host,
    env: { CANARY_HOLD_TIMEOUT: '20s' },
    retryBudgetMs: { registry: 3_000, secret: 1_000, smoke: 1_000 },
  };
});
afterAll(() => registry.stop());
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

const down = (match: (request: RegistryRequest) => boolean, answer = ociError(503, 'UNAVAILABLE', 'try later')) =>
  registry.faults.add({ match, respond: () => answer });
const DENIED = ociError(403, 'DENIED', 'your authorization token has expired');

describe('a registry that is down is retried for its budget, then the release is held; retry continues where it was', () => {
  test.each<[step: string, match: (sha: string) => (request: RegistryRequest) => boolean, answer?: typeof DENIED]>(
    firstRows(1, [
      [
        'the digests are read',
        (sha) =>
          ({ path }) =>
            path.endsWith(`/staging-${sha.slice(0, 7)}`),
      ],
      [
        'where :latest stands is read',
        () =>
          ({ method, path }) =>
            method === 'GET' && path.endsWith('/latest'),
      ],
      [
        'one image is written',
        () =>
          ({ method, path }) =>
            method === 'PUT' && path.endsWith('platform-tenant/manifests/latest'),
      ],
      [
        'its credentials have expired before the move',
        () =>
          ({ method, path }) =>
            method === 'POST' && path.endsWith('platform-tenant/blobs/uploads/'),
        DENIED,
      ],
    ]),
  )('when %s', async (_step, match, answer) => {
    const { sha, digests } = await gate().greenBuild();
    const heal = down(match(sha), answer);
    const handle = await gate().release({ sha });
    // If one image was written, the other is watched until no write can be in flight.
    const { id } = await heldFor(gate(), handle, 'registry-down', 45_000);
    expect(await refusal(handle, 'approve', { ...ada, hold: id })).toContain('approve does not apply to registry-down');
    heal();
    expect(await gate().latest()).toEqual(old);
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});

describe('a step that no worker ends in time', () => {
  test('is repeated once automatically, then the release is held; retry continues', async () => {
    const { sha, digests } = await gate().greenBuild();
    for (const tenant of gate().tenants) tenant.run({ sha, misbehave: 'hang-commit' });
    const handle = await gate().release({ sha });
    const { id, why } = await heldFor(gate(), handle, 'timed-out');
    expect(why).toContain('smokeTenant');
    gate().deploy({ sha });
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});

test('a lane that does not answer a mover is asked by another one, then the release is held; retry continues', async () => {
  const { sha, digests } = await gate().greenBuild();
  unanswered = 0;
  const handle = await gate().release({ sha });
  const { id, why } = await heldFor(gate(), handle, 'timed-out');
  expect(why).toContain('did not answer within 60 s');
  expect(unanswered).toBe(2);
  expect(await gate().latest()).toEqual(old);
  unanswered = null;
  await say(handle, 'retry', { ...ada, hold: id });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});

test('a revocation that arrives during a move that then fails ends the release, which no hold keeps', async () => {
  const { sha } = await gate().greenBuild();
  const { opened: denied, open: deny } = latch();
  let isReached = false;
  const heal = registry.faults.add({
    match: ({ method, path }) => method === 'POST' && path.endsWith('platform-tenant/blobs/uploads/'),
    respond: async () => {
      isReached = true;
      await denied;
      return DENIED;
    },
  });
  const handle = await gate().release({ sha });
  await until('the mover checks its credentials', () => isReached);
  const { holder } = await laneState(gate());
  const [fencingToken, revoked] = [holder?.fencingToken ?? 0, 'a rollback began'];
  await handle.signal(laneRevokedSignal, { fencingToken, revoked });
  deny();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted', why: revoked });
  expect(await gate().latest()).toEqual(old);
  heal();
});

describe('an abort', () => {
  fullTest('that arrives with the fault that leads to a hold ends the run', async () => {
    const { sha } = await gate().greenBuild();
    const tag = `/staging-${sha.slice(0, 7)}`;
    const heal = down(({ path }) => path.endsWith(tag));
    const handle = await gate().release({ sha });
    await until('it is tried', () =>
      registry.requests.some(({ path, status }) => status === 503 && path.endsWith(tag)),
    );
    // Both happen while no worker runs, so the workflow sees both at once.
    await gate().stopWorker();
    await handle.signal('abort', ada);
    await until('the server gave up', async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.activityTaskTimedOutEventAttributes);
    });
    await gate().startWorker();
    heal();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    expect(await gate().latest()).toEqual(old);
  });
});
