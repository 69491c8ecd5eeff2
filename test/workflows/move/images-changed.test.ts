import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { isPut } from '../../support/latest.js';
import { until } from '../../support/until.js';

const { gate, old, registry, writes } = await useCountedGate('images-changed');

test('a pair that is half moved is made whole by a worker that no longer has one of its images', async () => {
  const { sha, digests } = await gate().greenBuild();
  const [first, second] = gate().repositories;
  const heal = registry.faults.add({ match: isPut(second), respond: () => ({ status: 503 }) });
  const before = await gate().latest();
  const run = await gate().release({ sha });
  await until('one image has moved', () => writes().includes(first as string));
  await gate().stopWorker();
  heal();
  await gate().startWorker({ ...gate().env, CANARY_IMAGES: `${gate().host}/${second}` });
  const { report } = await awaitRunEnd(run);
  const latest = await gate().latest();
  expect([before, digests]).toContainEqual(latest);
  expect(report?.outcome).toBe(latest[0] === digests[0] ? 'promoted' : 'MoveFailed');
  expect(before[0]).not.toBe(digests[0]);
  expect(old).not.toBe(sha);
});
