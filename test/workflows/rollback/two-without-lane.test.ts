import { afterAll, expect, onTestFinished } from 'vitest';
import { releaseLaneId } from '../../../src/contract/ids.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { digestOf } from '../../../testbed/registry-store.js';
import { useGate } from '../../support/gate.js';
import { endLane, promoted } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
const gate = useGate('rollback-two-silent', () => ({ registry: registry.host, waits: { rollBackMs: 120_000 } }));

fullTest(
  'of two rollbacks without a lane the later one wins: the earlier one writes nothing after it',
  async () => {
    await gate().begin(newSha());
    const [older, newer] = [await promoted(gate()), await promoted(gate())];
    await promoted(gate());
    await endLane(gate());
    const { client, lane } = gate();
    await client.workflow.start('ReleaseLane', { workflowId: releaseLaneId(lane), taskQueue: 'unpolled-queue' });
    onTestFinished(async () => void (await endLane(gate())));

    const from = registry.requests.length;
    const puts = () =>
      registry.requests
        .slice(from)
        .filter(isPut())
        .map(({ body }) => digestOf(body));
    // The first one cannot write its second image, and goes on trying.
    const heal = registry.faults.add({
      match: (request) => isPut()(request) && digestOf(request.body) === older.digests[1],
      respond: () => ({ status: 503, headers: {}, body: Buffer.from('') }),
    });
    onTestFinished(heal);
    const by = (name: string) => ({ reason: 'it burns', requestedBy: name, force: true });
    const ada = await gate().rollback({ sha: older.sha, ...by('ada') });
    await until('ada has begun to write', () => puts().includes(older.digests[0] as never), 60_000);
    const bob = await gate().rollback({ sha: newer.sha, ...by('bob') });
    expect((await awaitRunEnd(bob)).report).toMatchObject({ outcome: 'rolled-back', laneUnavailable: true });
    const written = puts().length;
    expect((await awaitRunEnd(ada)).report).toMatchObject({ outcome: 'MoveRefused', refusal: 'not-announced' });
    expect(
      puts()
        .slice(written)
        .filter((digest) => older.digests.includes(digest)),
    ).toEqual([]);
    expect(await gate().latest()).toEqual(newer.digests);
  },
  240_000,
);
