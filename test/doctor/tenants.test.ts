import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { loadGateConfig } from '../../src/config/load.js';
import type { LaneState } from '../../src/contract/lane.js';
import type { Finding } from '../../src/doctor/finding.js';
import { checkTenants } from '../../src/doctor/tenants.js';
import { emptyLane } from '../../src/lane/state.js';
import { startTenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';

const TOKEN = 'a-token-of-the-tests';
const sha = newSha();
const [one, two] = await Promise.all([
  startTenant({ name: 'canary-1', token: TOKEN }),
  startTenant({ name: 'canary-2', token: TOKEN }),
]);
afterAll(() => Promise.all([one.stop(), two.stop()]).then(() => undefined));
beforeEach(() => {
  for (const tenant of [one, two]) tenant.run({ sha });
});

const UNTIL = new Date(Date.now() + 3_600_000).toISOString();
const setAside = (...names: string[]): LaneState => {
  const state = emptyLane();
  const since = new Date().toISOString();
  state.ledger.quarantines = names.map((tenant) => ({
    tenant,
    by: 'ada',
    why: 'its disk\nis full',
    since,
    until: UNTIL,
  }));
  return state;
};

/** What is not as it should be. */
async function found(state: LaneState | null, env: Record<string, string> = {}): Promise<Finding[]> {
  const gate = await loadGateConfig({
    CANARY_IMAGES: 'ghcr.io/acme/platform',
    CANARY_TENANT_URLS: `${one.url},${two.url}`,
    CANARY_ADMIN_TOKENS: `${TOKEN},${TOKEN}`,
    ...env,
  });
  const findings = await checkTenants(gate, async () => state, new AbortController().signal);
  return findings.filter(({ level }) => level !== 'ok');
}
const note = (tenant: string): Finding => ({
  area: 'tenants',
  level: 'note',
  what: `${tenant} is in quarantine until ${UNTIL}, by ada: its disk is full`,
  fix: `canary tenants unquarantine ${tenant} --reason …, once it is well`,
});
const held = (what: string, fix: unknown): unknown => ({
  area: 'tenants',
  level: 'stops',
  what: `releases will be held: ${what}`,
  fix,
});

describe('the check of the tenants', () => {
  test('has nothing to say of two that are well, and takes an expired quarantine, or one of another name, for none', async () => {
    const state = setAside('canary-2', 'canary-9');
    for (const quarantine of (state.ledger.quarantines ?? []).slice(0, 1)) quarantine.until = quarantine.since;
    expect(await found(state, { CANARY_MIN_TENANTS: '2' })).toEqual([]);
  });

  test('warns of what is wrong with one in quarantine, which stops no release', async () => {
    two.run({ sha, misbehave: ['no-build', 'bad-gateway'] });
    const findings = await found(setAside('canary-2'));
    expect(findings).toEqual([
      note('canary-2'),
      {
        area: 'tenants',
        level: 'warning',
        what: expect.stringContaining('canary-2: liveness returns a subsystems map: no, but'),
        fix: expect.any(String),
      },
      {
        area: 'tenants',
        level: 'warning',
        what: expect.stringMatching(/^canary-2 reports no build \(\/health: no sha/),
        fix: expect.any(String),
      },
    ]);
  });

  test.each<[string, LaneState | null]>([
    ['one that no person set aside', setAside()],
    ['each one while the lane cannot be read', null],
  ])('stops at what is wrong with %s', async (_, state) => {
    two.run({ sha, misbehave: 'no-build' });
    expect(await found(state)).toEqual([
      expect.objectContaining({
        level: 'stops',
        what: expect.stringMatching(/^releases will be held: canary-2 reports no build \(/),
      }),
    ]);
  });

  test('says that no member reports a build, although one in quarantine does', async () => {
    one.run({ sha, misbehave: 'no-build' });
    expect(await found(setAside('canary-2'))).toEqual([
      note('canary-2'),
      expect.objectContaining({
        level: 'stops',
        what: expect.stringMatching(/^releases will be held: no tenant reports a build \(canary-1: /),
      }),
    ]);
  });

  test('stops where quarantines leave fewer than CANARY_MIN_TENANTS, with the command that takes one back', async () => {
    const left = (count: number, least: number) => `${count} of at least ${least} tenants can test a build`;
    const others = 'add a canary tenant, or lower CANARY_MIN_TENANTS';
    expect(await found(setAside('canary-2'), { CANARY_MIN_TENANTS: '2' })).toEqual([
      note('canary-2'),
      held(left(1, 2), `canary tenants unquarantine canary-2 --reason …, or ${others}`),
    ]);
    expect(await found(setAside('canary-1', 'canary-2'))).toContainEqual(
      held(
        left(0, 1),
        expect.stringContaining('unquarantine canary-1 --reason …, or canary tenants unquarantine canary-2'),
      ),
    );
    expect(await found(setAside(), { CANARY_MIN_TENANTS: '3' })).toEqual([held(left(2, 3), others)]);
  });

  test('stops at a fleet file that names no tenant', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-doctor-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'fleet.json');
    writeFileSync(file, JSON.stringify({ tenants: [] }));
    const env = { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '', CANARY_FLEET_FILE: file };
    expect(await found(setAside(), env)).toEqual([
      held('0 of at least 1 tenants can test a build', 'add a canary tenant'),
    ]);
  });

  test('says nothing without a fleet', async () => {
    expect(await found(setAside(), { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' })).toEqual([]);
  });
});
