import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { fleetSeenSignal } from '../../../src/contract/messages.js';
import { CanaryTenantsRed } from '../../../src/contract/search-attributes.js';
import { MAX_BY, MAX_REASON } from '../../../src/domain/decide.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startTenant, type Tenant } from '../../../testbed/tenant.js';
import { ada, heldFor, refusal, say, statusOf } from '../../support/decisions.js';
import { TOKEN, useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-limits-'));
const fleetFile = (name: string, tenants: { name: string; url: string }[]) => {
  const file = join(folder, `${name}.json`);
  writeFileSync(join(folder, 'token'), TOKEN);
  writeFileSync(file, JSON.stringify({ tenants: tenants.map((tenant) => ({ ...tenant, token: { file: 'token' } })) }));
  return { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '', CANARY_FLEET_FILE: file };
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('300 red tenants with long names', () => {
  const OLD = newSha();
  const sha = newSha();
  let tenants: Tenant[];
  const gate = useGate('many-red', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `tenant-with-a-rather-long-name-${index}`);
    tenants = await Promise.all(
      names.map((name) => startTenant({ name, token: TOKEN, build: { sha, misbehave: 'memory-search' } })),
    );
    const env = fleetFile(
      'red',
      names.map((name, index) => ({ name, url: tenants[index]?.url ?? '' })),
    );
    return { tenants: 0, env: { ...env, CANARY_SOAK: '0' } };
  });
  afterAll(() => Promise.all(tenants.map((tenant) => tenant.stop())));

  fullTest(
    'end as RED anyway: every list that the server limits is cut, and the report counts the rest',
    async () => {
      const old = await gate().begin(OLD);
      await gate().publish(sha);
      const handle = await gate().release({ sha });
      const { report } = await awaitRunEnd(handle);
      expect(report).toMatchObject({ outcome: 'CanaryRejected' });
      expect(report?.why.length).toBeLessThan(2_100);
      const red = (await handle.describe()).typedSearchAttributes.get(CanaryTenantsRed);
      expect(red?.length).toBeGreaterThan(10);
      expect(red?.join().length).toBeLessThan(2_048);
      const { tenants: told, tenantsLeftOut = 0 } = report as { tenants: unknown[]; tenantsLeftOut?: number };
      expect(told.length + tenantsLeftOut).toBe(300);
      expect(await gate().latest()).toEqual(old);
    },
    90_000,
  );
});

describe('a tenant that accepts every request and never answers', () => {
  let deaf: Server;
  let awake: Tenant;
  const gate = useGate('deaf', async () => {
    deaf = createServer(() => undefined);
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    awake = await startTenant({ name: 'awake', token: TOKEN });
    const { port } = deaf.address() as { port: number };
    const env = fleetFile('deaf', [
      { name: 'awake', url: awake.url },
      { name: 'deaf', url: `http://127.0.0.1:${port}` },
    ]);
    return { tenants: 0, env: { ...env, CANARY_UPDATE_TIMEOUT: '7s' } };
  });
  afterAll(async () => {
    await awake.stop();
    deaf.close();
  });

  fullTest(
    'costs the wait no heartbeat: it is one attempt to the end, and the tenant is named',
    async () => {
      const sha = newSha();
      await gate().begin(newSha());
      await gate().publish(sha);
      awake.run({ sha });
      const handle = await gate().release({ sha });
      const { report } = await awaitRunEnd(handle);
      expect(report).toMatchObject({
        outcome: 'CanaryHoldExpired',
        why: expect.stringContaining('deaf reports no build'),
      });
      const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as {
        events: { activityTaskStartedEventAttributes?: { attempt?: number } }[];
      };
      const attempts = history.events.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
      expect(new Set(attempts)).toEqual(new Set([1]));
    },
    60_000,
  );
});

describe('payloads of any client', () => {
  const gate = useGate('anybody', () => ({ env: { CANARY_HOLD_TIMEOUT: '20s' } }));
  const OLD = newSha();
  let old: string[];
  beforeAll(async () => {
    old = await gate().begin(OLD);
  });
  beforeEach(() => gate().setLatest(OLD));

  async function waiting() {
    const sha = newSha();
    await gate().publish(sha);
    gate().deploy({ sha: OLD });
    const handle = await gate().release({ sha });
    await until('it waits', async () => (await statusOf(gate(), handle))?.builds.length);
    return { sha, handle };
  }

  fullTest('invalid builds are not shown as what tenants report', async () => {
    const { handle } = await waiting();
    const before = (await statusOf(gate(), handle))?.builds;
    const builds = [[null], ['x'], [{ tenant: 'canary-1' }], [{ tenant: 7, build: 'x'.repeat(5_000) }]];
    for (const sent of [[], [null], ['x'], ...builds.map((one) => [{ builds: one, from: null }])])
      await handle.signal(fleetSeenSignal.name, ...sent);
    await handle.signal(fleetSeenSignal.name, { builds: before, from: 'yesterday' });
    expect((await statusOf(gate(), handle))?.builds).toEqual(before);
    await say(handle, 'abort', ada);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  });

  fullTest('a name or a reason that is too long is refused, with the limit', async () => {
    const { handle } = await waiting();
    for (const long of [
      { ...ada, by: 'x'.repeat(MAX_BY + 1) },
      { ...ada, reason: 'x'.repeat(MAX_REASON + 1) },
    ])
      expect(await refusal(handle, 'abort', long)).toMatch(
        /by or reason is too long: expected at most 200 and 2000 characters/,
      );
    expect(await say(handle, 'abort', { by: 'x'.repeat(MAX_BY), reason: 'y'.repeat(MAX_REASON) })).toBe(
      'abort accepted: the release ends',
    );
    await awaitRunEnd(handle);
  });

  fullTest('a status shows the effect of each decision, and the end of this wait', async () => {
    const { sha, handle } = await waiting();
    expect(await statusOf(gate(), handle)).toMatchObject({
      phase: 'awaiting-canary',
      until: expect.stringMatching(/^20..-/),
      commands: {
        approve: { isAllowed: false, text: 'the release is not held; it is awaiting-canary' },
        retry: { isAllowed: false, text: 'the release is not held; it is awaiting-canary' },
        abort: { isAllowed: true, text: 'the release ends' },
      },
    });
    gate().deploy({ sha, misbehave: 'reject-commit' });
    const hold = await heldFor(gate(), handle, 'could-not-test');
    expect(await statusOf(gate(), handle)).toMatchObject({
      until: hold.until,
      commands: {
        approve: { isAllowed: true, text: 'go on without that evidence' },
        retry: { isAllowed: true, text: 'test those tenants again' },
        abort: { isAllowed: true, text: 'the release ends' },
      },
    });
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
    expect(await gate().latest()).toEqual(old);
  });
});
