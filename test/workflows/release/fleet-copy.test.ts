import { afterAll, expect } from 'vitest';
import { awaitRunEnd, queryStatus } from '../../../src/temporal/runs.js';
import { startSinkServer } from '../../../testbed/sink-server.js';
import { startTenant } from '../../../testbed/tenant.js';
import { TOKEN, useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const endpoint = await startSinkServer();
const tenant = await startTenant({ name: 'blue', token: TOKEN });
afterAll(async () => {
  await endpoint.stop();
  await tenant.stop();
});
const body = JSON.stringify({ tenants: [{ name: 'blue', url: tenant.url, token: { env: 'BLUE_TOKEN' } }] });
const answer = (status: number) => {
  endpoint.answer = () => ({ status, body });
};

const gate = useGate('fleet-copy', () => ({
  tenants: 0,
  env: {
    CANARY_TENANT_URLS: '',
    CANARY_ADMIN_TOKENS: '',
    CANARY_FLEET_URL: endpoint.url,
    CANARY_FLEET_SECRETS: 'BLUE_TOKEN',
    BLUE_TOKEN: TOKEN,
  },
}));

const build = async () => {
  const sha = newSha();
  const digests = await gate().publish(sha);
  tenant.run({ sha });
  return { sha, digests };
};

fullTest('a release waits for a fleet that was never read, and on a copy its status and report say so', async () => {
  answer(503);
  await gate().begin(newSha());
  const first = await build();
  const handle = await gate().release({ sha: first.sha });
  await until('its endpoint was asked twice', () => endpoint.requests.length >= 2);
  expect(await gate().phase(handle)).toBe('resolving');
  answer(200);
  const { report } = await awaitRunEnd(handle);
  expect(report).toMatchObject({ outcome: 'promoted' });
  expect(report).not.toHaveProperty('fleetNotes');

  answer(503);
  const second = await build();
  const later = await gate().release({ sha: second.sha });
  const note = expect.stringMatching(/^the fleet is a copy of .*, because CANARY_FLEET_URL: status 503$/);
  const seen = await until(
    'it has a note',
    async () => (await queryStatus(gate().client, later.workflowId))?.fleetNotes,
  );
  expect(seen).toEqual([note]);
  expect((await awaitRunEnd(later)).report).toMatchObject({ outcome: 'promoted', fleetNotes: [note] });
  expect(await gate().latest()).toEqual(second.digests);
});
