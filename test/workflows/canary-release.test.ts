import { expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { useGate } from '../support/gate.js';

const gate = useGate('release');
const OLD = '0000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';

test('a build that every tenant runs and passes gets :latest of both images, by the digests that were tested', async () => {
  const sha = '4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90';
  await gate().publish(OLD);
  await gate().setLatest(OLD);
  const digests = await gate().publish(sha);
  gate().deploy({ sha });

  const end = await runEnd(await gate().release({ sha }));

  expect(end.report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});

test('a build whose memory search is broken is refused by name, and :latest stays', async () => {
  const sha = 'bad00010a1b2c3d4e5f60718293a4b5c6d7e8f90';
  const before = await gate().latest();
  await gate().publish(sha);
  gate().deploy({ sha, misbehave: 'memory-search' });

  const end = await runEnd(await gate().release({ sha }));

  expect(end.report).toMatchObject({
    outcome: 'CanaryRejected',
    why: 'RED: canary-1: memory search finds the probe, canary-2: memory search finds the probe',
  });
  expect(await gate().latest()).toEqual(before);
});

test('a rollback moves :latest of both images back', async () => {
  const [platform, tenant] = await gate().publish(OLD);
  const end = await runEnd(await gate().rollback({ sha: OLD, reason: 'search is slow' }));
  expect(end.report).toMatchObject({ outcome: 'rolled-back' });
  expect(await gate().latest()).toEqual([platform, tenant]);
});
