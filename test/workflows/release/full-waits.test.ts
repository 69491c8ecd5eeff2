import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('full-waits', () => ({ maxWaits: 1 }));

test('a release ends, and the next one, while waits for their ends hold every slot of the worker', async () => {
  await gate().begin(newSha());
  for (let times = 0; times < 2; times += 1) {
    const { sha, digests } = await gate().greenBuild();
    // The lane waits for its end, with the only slot.
    expect((await awaitRunEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  }
});
