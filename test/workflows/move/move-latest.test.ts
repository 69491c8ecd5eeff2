import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { moveLatestId } from '../../../src/contract/ids.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { retag } from '../../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { ociError, type RegistryRequest } from '../../../testbed/registry-store.js';
import { ada, say } from '../../support/decisions.js';
import { logged, useGate } from '../../support/gate.js';
import { isPut, isRead } from '../../support/latest.js';
import { firstRows, fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

let registry: MemoryRegistry;
const gate = useGate('move', async () => {
  registry = await startMemoryRegistry();
  return { registry: registry.host };
});
afterAll(() => {
  expect(registry.unforeseen).toEqual([]);
  return registry.stop();
});

const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().publish(OLD);
});
beforeEach(() => gate().setLatest(OLD));

const movesSeen = () => registry.requests.filter(isPut()).length;

describe('both images, or none', () => {
  fullTest('when the second image cannot be moved, the first is restored', async () => {
    const { sha } = await gate().greenBuild();
    const heal = registry.faults.add({
      match: isPut(gate().repositories[1]),
      respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
    });

    const end = await awaitRunEnd(await gate().release({ sha, requestedBy: 'ada' }));
    heal();

    expect(end.report).toMatchObject({ outcome: 'CanaryHoldExpired', why: expect.stringMatching(/^registry-down: /) });
    expect(await gate().latest()).toEqual(old);
  });

  test('when the first cannot be restored either, the run fails as PairSplit and names each digest', async () => {
    const { sha, digests } = await gate().greenBuild();
    const heals = gate().repositories.map((repository, index) =>
      registry.faults.add({
        match: (request) => isPut(repository)(request) && (index === 1 || movesSeen() > seen + 2),
        respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
      }),
    );
    const seen = movesSeen();

    const end = await awaitRunEnd(await gate().release({ sha }));
    for (const heal of heals) heal();

    expect(end.report).toMatchObject({
      outcome: 'PairSplit',
      why: expect.stringContaining(digests[0] ?? 'a digest'),
      // Not where they stood when the run began: where the move left them.
      images: [{ latest: digests[0] }, { latest: expect.not.stringContaining(digests[1] ?? '') }],
    });
  });
});

describe('an uncertain result is named, with each digest', () => {
  fullTest(
    'one image is moved from outside in mid-move: the other is restored, and the failure says that the pair is split',
    async () => {
      const { sha } = await gate().greenBuild();
      const [first, second] = gate().repositories as [string, string];
      const theirs = await gate().publish(newSha(), { tag: 'theirs' });
      const heal = registry.faults.add({
        match: isPut(second),
        times: 1,
        respond: async (_request, serve) => {
          const answer = serve();
          await retag({ registry: gate().host, repository: second, from: 'theirs', to: 'latest' });
          return answer;
        },
      });
      const { report } = await awaitRunEnd(await gate().release({ sha }));
      heal();
      expect(report).toMatchObject({
        outcome: 'PairSplit',
        why: expect.stringContaining(`${first}:latest restored at ${old[0]}`),
      });
      expect(report?.why).toContain(`${second}:latest conflict at ${theirs[1]}`);
      expect(await gate().latest()).toEqual([old[0], theirs[1]]);
    },
  );

  fullTest('the registry takes the move, but no read ever shows it: failed as unconfirmed', async () => {
    const { sha, digests } = await gate().greenBuild();
    const began = Date.now();
    const heal = registry.faults.add({
      match: isRead,
      respond: (_request, serve) => serve({ asOf: began }),
    });
    const { report } = await awaitRunEnd(await gate().release({ sha }));
    heal();
    expect(report).toMatchObject({ outcome: 'MoveFailed', why: expect.stringContaining(`unconfirmed at ${old[0]}`) });
    expect(await gate().latest()).toEqual(digests);
  });
});

describe('who may move', () => {
  test('a mover that was started by hand is refused, and writes nothing', async () => {
    const { sha, digests } = await gate().greenBuild();
    const seen = movesSeen();
    const images = digests.map((to, index) => ({
      repository: `${registry.host}/${gate().repositories[index]}`,
      to,
      from: old[index],
    }));

    const handle = await gate().client.workflow.start('MoveLatest', {
      workflowId: 'move-move-latest',
      taskQueue: 'move-canary-release',
      args: [{ kind: 'promotion', sha, images, by: 'mallory', reason: 'because' }],
    });
    gate().keep(handle);

    expect(await awaitRunEnd(handle)).toMatchObject({
      report: null,
      outcome: 'MoveRefused',
      why: expect.stringContaining('no parent'),
    });
    expect(movesSeen()).toBe(seen);
  });

  test.each([[undefined], ['what?'], [{ kind: 'promotion', images: [] }]])(
    'one that was started by hand with %j ends, and does not hold the id that every move needs',
    async (input) => {
      const handle = await gate().client.workflow.start('MoveLatest', {
        workflowId: 'move-move-latest',
        taskQueue: 'move-canary-release',
        args: [input],
      });
      gate().keep(handle);
      expect(await awaitRunEnd(handle)).toMatchObject({
        outcome: 'ConfigInvalid',
        why: expect.stringMatching(/^move: /),
      });
    },
  );

  fullTest('a release that was terminated before its mover requested a lease moves nothing', async () => {
    const { sha } = await gate().greenBuild();
    const seen = movesSeen();
    let terminated: Promise<unknown> | undefined;
    // The mover reads :latest before it asks whether it may: right then its parent is ended.
    const heal = registry.faults.add({
      match: (request) => isRead(request) && parentIsPromoting,
      respond: async (_request, serve) => {
        terminated ??= handle.terminate('by the test');
        await terminated;
        return serve();
      },
    });
    let parentIsPromoting = false;
    const handle = await gate().release({ sha, soak: '500ms' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    parentIsPromoting = true;

    expect(await awaitRunEnd(handle)).toMatchObject({ outcome: 'terminated' });
    const mover = gate().client.workflow.getHandle('move-move-latest');
    await expect(mover.result()).rejects.toMatchObject({ cause: { type: 'MoveRefused' } });
    heal();
    expect(movesSeen()).toBe(seen);
  });

  const writes = (request: RegistryRequest) => isPut(gate().repositories[0])(request);
  test.each(
    firstRows<[string, typeof writes]>(1, [
      ['looks where :latest stands', isRead],
      ['has its pair on the way', writes],
    ]),
  )('a release that is cancelled while its mover %s has its move finished', async (_when, match) => {
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, soak: '500ms' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    let cancelled = false;
    const heal = registry.faults.add({
      match,
      respond: async (_request, serve) => {
        if (!cancelled) await handle.cancel();
        cancelled = true;
        await until('the cancel has gone as far as it goes', () => cancelHandled(handle));
        return serve();
      },
    });
    const end = await awaitRunEnd(handle);
    heal();
    expect(cancelled).toBe(true);
    expect(end.report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});

describe('a release that ends in mid-move leaves the pair whole', () => {
  test.each([
    ['the first write', (request: RegistryRequest) => isPut(gate().repositories[0])(request)],
    ['the second write', (request: RegistryRequest) => isPut(gate().repositories[1])(request)],
  ])('terminated at %s', async (_when, match) => {
    const { sha, digests } = await gate().greenBuild();
    const heal = registry.faults.add({
      match,
      times: 1,
      respond: async (_request, serve) => {
        await handle.terminate('by the test');
        return serve();
      },
    });
    const handle = await gate().release({ sha });
    expect(await awaitRunEnd(handle)).toMatchObject({ outcome: 'terminated' });
    await gate().client.workflow.getHandle('move-move-latest').result();
    heal();
    expect(await gate().latest()).toEqual(digests);
  });
});

describe('one move at a time', () => {
  fullTest('a second release waits for the lane until the first has moved, and then moves over it', async () => {
    const first = await gate().greenBuild();
    let moving = true;
    const heal = registry.faults.add({
      match: isPut(gate().repositories[0]),
      respond: async (_request, serve) => {
        await until('the second one waits', () => !moving);
        return serve();
      },
    });
    const a = await gate().release({ sha: first.sha });
    await until('the first moves', async () => (await gate().phase(a)) === 'promoting');
    const second = await gate().greenBuild();
    const b = await gate().release({ sha: second.sha });
    await until('the second waits', async () => (await gate().phase(b)) === 'queued');
    moving = false;
    const ends = await Promise.all([a, b].map(awaitRunEnd));
    heal();
    expect(ends.map(({ report }) => report?.images)).toMatchObject([
      first.digests.map((digest, index) => ({ digest, previous: old[index], result: 'promoted' })),
      second.digests.map((digest, index) => ({ digest, previous: first.digests[index], result: 'promoted' })),
    ]);
    expect(await gate().latest()).toEqual(second.digests);
  });

  fullTest('one that waits for another mover can be aborted at once', async () => {
    const busy = await gate().client.workflow.start('MoveLatest', {
      workflowId: moveLatestId(gate().lane),
      taskQueue: 'no-worker',
    });
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await until('it waits', async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitClosed');
    });
    const began = Date.now();
    await say(handle, 'abort', ada);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    expect(Date.now() - began).toBeLessThan(5_000);
    await busy.terminate();
    expect(await gate().latest()).toEqual(old);
  });
});

const { EventType } = proto.temporal.api.enums.v1;

/** Whether a run has seen its cancel, and, when it passed it on to its child, that one has it too. */
async function cancelHandled(handle: WorkflowHandle): Promise<boolean> {
  const types = ((await handle.fetchHistory()).events ?? []).map(({ eventType }) => eventType);
  const after = types.slice(types.indexOf(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED));
  const passedOn = after.includes(EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED);
  return (
    after.includes(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) &&
    (!passedOn || after.includes(EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED))
  );
}

describe('reading back', () => {
  fullTest('a registry that lags its writes is waited for, not taken for a failure', async () => {
    const { sha, digests } = await gate().greenBuild();
    const began = Date.now();
    let stale = 4;
    const heal = registry.faults.add({
      match: isRead,
      respond: (_request, serve) => {
        if (movesSeen() <= seen) return serve();
        stale -= 1;
        return serve(stale >= 0 ? { asOf: began } : {});
      },
    });
    const seen = movesSeen();
    const end = await awaitRunEnd(await gate().release({ sha }));
    heal();
    expect(end.report).toMatchObject({ outcome: 'promoted', images: digests.map((digest) => ({ latest: digest })) });
  });

  fullTest('each move leaves one line latest.moved with who, why, from and to', async () => {
    const { sha, digests } = await gate().greenBuild();
    await awaitRunEnd(await gate().release({ sha, requestedBy: 'ada' }));
    const lines = await until('the line is there', () => {
      const found = logged.filter(({ message, meta }) => message === 'latest.moved' && meta?.sha === sha);
      return found.length > 0 ? found : null;
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.meta).toMatchObject({
      kind: 'promotion',
      by: 'ada',
      images: digests.map((digest, index) => ({ digest, previous: old[index], result: 'promoted' })),
      parent: { workflowId: `move-canary-release-${sha.slice(0, 7)}` },
    });
  });
});
