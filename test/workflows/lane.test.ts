import { beforeAll, beforeEach, expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

const gate = useGate('lane');
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(() => gate().setLatest(OLD));

test('two builds in a row are promoted one after the other', async () => {
  const a = await gate().greenBuild();
  const end = await runEnd(await gate().release({ sha: a.sha }));
  expect(end.report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(a.digests);
});
