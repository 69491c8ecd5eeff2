import { expect, test } from 'vitest';
import { withClient } from '../../src/temporal/connect.js';

test('a server that refuses is told at once, and not after the time limit of a connection', async () => {
  const began = performance.now();
  const told = withClient({ TEMPORAL_ADDRESS: '127.0.0.1:1' }, async () => 'connected');
  await expect(told).rejects.toThrow(/^Temporal does not answer at 127\.0\.0\.1:1: start it, or set TEMPORAL_ADDRESS$/);
  expect(performance.now() - began).toBeLessThan(3_000);
});
