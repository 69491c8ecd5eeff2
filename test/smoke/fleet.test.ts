import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verdictOf } from '../../src/contract/tenants/check.js';
import { defaultSuite } from '../../src/smoke/index.js';
import { smokeFleet, smokeTenant } from '../../src/smoke/smoke-tenant.js';
import type { Misbehavior } from '../../testbed/misbehaviors.js';
import { atExit } from '../../testbed/process.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';
import { letters, SHORT, TOKEN } from '../support/smoke.js';

describe('smokeFleet', () => {
  let tenants: Tenant[] = [];
  afterEach(async () => {
    await Promise.all(tenants.map((tenant) => tenant.stop()));
    for (const tenant of tenants) expect(tenant.unforeseen).toEqual([]);
  });

  /** Starts one tenant for each list of misbehaviors, each with its own token. */
  async function fleetOf(misbehaviors: Misbehavior[][]) {
    tenants = await Promise.all(
      misbehaviors.map((misbehave, index) =>
        startTenant({
          name: `canary-${index + 1}`,
          token: `token-${index + 1}`,
          build: { sha: newSha(), misbehave },
          slowMs: 50,
        }),
      ),
    );
    return tenants.map(({ name, url, token }) => ({ name, origin: url, access: { token, headers: {} } }));
  }

  test('100 tenants are smoked in parallel, each with its own token', async () => {
    const fleet = await fleetOf(Array.from({ length: 100 }, (_, index) => (index === 41 ? ['memory-search'] : [])));
    const results = await smokeFleet(fleet, {
      suite: defaultSuite,
      waits: { ...SHORT, requestMs: 10_000, suiteMs: 60_000 },
    });
    expect(results.map(({ tenant }) => tenant)).toEqual(fleet.map(({ name }) => name));
    expect(results.map(({ checks }) => letters(checks))).toEqual(
      fleet.map((_, index) => (index === 41 ? 'PPPFPP' : 'PPPPPP')),
    );
    expect(verdictOf(results)).toBe('fail');
  });

  test('a hung tenant delays no other tenant, and ends at its own limit', async () => {
    const fleet = await fleetOf([['hang'], [], []]);
    const finished: string[] = [];
    const began = performance.now();
    const waits = { ...SHORT, requestMs: 2_000, suiteMs: 1_500 };
    const results = await smokeFleet(fleet, { suite: defaultSuite, waits }, ({ tenant, checks }) => {
      finished.push(`${tenant} ${letters(checks)}`);
      if (tenant !== 'canary-1') expect(performance.now() - began).toBeLessThan(1_000);
    });
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(finished.at(-1)).toBe('canary-1 ??????');
    expect(verdictOf(results)).toBe('could-not-test');
  });

  test('the checks of a tenant run in order, one at a time', async () => {
    const fleet = await fleetOf([['slow'], ['slow']]);
    await smokeFleet(fleet, { suite: defaultSuite, waits: SHORT });
    for (const { requests } of tenants)
      expect(requests.map(({ path }) => path)).toEqual([
        '/admin/liveness',
        '/workspaces',
        '/memories/commit',
        '/memories/search',
        '/events',
        '/admin/liveness',
      ]);
  });
});

describe('smokeTenant, of a process that dies', () => {
  let folder: string;
  let child: ChildProcess;
  const unregister = atExit(() => child?.kill('SIGKILL'));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'canary-dying-'));
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
    unregister();
  });

  async function start(port: number, fatal?: string): Promise<number> {
    const script = join(import.meta.dirname, '..', 'support', 'dying-tenant.mjs');
    const args = [script, String(port), TOKEN, join(folder, 'memories.json'), ...(fatal ? [fatal] : [])];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    return Number(String(line));
  }

  test.each(['GET /admin/liveness', 'GET /workspaces', 'POST /memories/commit', 'GET /memories/search', 'GET /events'])(
    'a tenant that restarts at %s passes on the retry',
    async (fatal) => {
      const port = await start(0, fatal);
      const died = once(child, 'exit').then(() => start(port));
      const options = {
        suite: defaultSuite,
        waits: { ...SHORT, retryBudgetMs: 20_000, suiteMs: 25_000, requestMs: 5_000 },
      };
      const tenant = { name: 'canary-1', origin: `http://127.0.0.1:${port}` };
      const { checks } = await smokeTenant(tenant, { token: TOKEN, headers: {} }, options);
      await died;
      expect(letters(checks)).toBe('PPPPPP');
      expect(checks.filter(({ tries = 1 }) => tries > 1).map(({ check }) => check)).toHaveLength(1);
    },
  );

  test('a tenant that stays down is could-not-test, and the verdicts before that count', async () => {
    const port = await start(0, 'POST /memories/commit');
    const options = { suite: defaultSuite, waits: { ...SHORT, retryBudgetMs: 200 } };
    const tenant = { name: 'canary-1', origin: `http://127.0.0.1:${port}` };
    const { checks } = await smokeTenant(tenant, { token: TOKEN, headers: {} }, options);
    expect(letters(checks)).toBe('PP????');
    expect(checks.map(({ got }) => got).slice(2)).toEqual([
      'ECONNREFUSED',
      'it could not be tested',
      'ECONNREFUSED',
      'ECONNREFUSED',
    ]);
  });
});
