import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ada, heldFor, refusal, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { newSha } from '../../support/shas.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-no-fleet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'fleet.json');
writeFileSync(file, JSON.stringify({ tenants: [] }));

const gate = useGate('no-fleet', () => ({ tenants: 0 }));
const emptyFile = useGate('empty-fleet', () => ({
  tenants: 0,
  env: { CANARY_FLEET_FILE: file, CANARY_HOLD_TIMEOUT: '60s' },
}));

test('with no canary fleet a release is skipped, and :latest stays', async () => {
  const [old, sha] = [newSha(), newSha()];
  const before = await gate().publish(old);
  await gate().setLatest(old);
  await gate().publish(sha);

  const end = await awaitRunEnd(await gate().release({ sha }));

  expect(end.report).toMatchObject({ outcome: 'skipped' });
  expect(await gate().latest()).toEqual(before);
});

test.each(['auto', 'required'] as const)(
  'on a fleet file without a tenant a release with approval %s is held, and no approval passes',
  async (approval) => {
    const [old, sha] = [newSha(), newSha()];
    const before = await emptyFile().publish(old);
    await emptyFile().setLatest(old);
    await emptyFile().publish(sha);

    const handle = await emptyFile().release({ sha, ...(approval === 'required' && { approval }) });
    const { id: hold, why } = await heldFor(emptyFile(), handle, 'too-few-tenants');
    expect(why).toBe('0 of at least 1 tenants can test the build');
    expect(await refusal(handle, 'approve', { ...ada, hold })).toContain('approve does not apply to too-few-tenants');
    await say(handle, 'abort', { ...ada, hold });
    await awaitRunEnd(handle);
    expect(await emptyFile().latest()).toEqual(before);
  },
);
