import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('no-fleet', () => ({ tenants: 0 }));

test('with no canary fleet a release is skipped, and :latest stays', async () => {
  const [old, sha] = [newSha(), newSha()];
  const before = await gate().publish(old);
  await gate().setLatest(old);
  await gate().publish(sha);

  const end = await awaitRunEnd(await gate().release({ sha }));

  expect(end.report).toMatchObject({ outcome: 'skipped' });
  expect(await gate().latest()).toEqual(before);
});
