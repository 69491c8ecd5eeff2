import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { main } from '../../src/cli/main.js';
import { junit } from '../../src/cli/print/junit.js';
import { loadGateConfig } from '../../src/config/load.js';
import type { TenantSmoke } from '../../src/contract/tenants/check.js';
import { renderReport } from '../../src/report/render.js';
import { drift, type Suite } from '../../src/smoke/index.js';
import { judgingNow, smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { type SinkAnswer, type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { record } from '../support/records.js';
import { until } from '../support/until.js';

const TOKEN = 'the-admin-token-of-all';
const NAMES = ['canary-1', 'canary-2', 'acme', 'globex', 'initech'] as const;
const folder = mkdtempSync(join(tmpdir(), 'canary-drift-'));
const SUITE = `import { drift } from '@canary-release-gate/canary/smoke';
export default [
  { name: 'it answers', proves: 'it is there', steps: [{ request: { method: 'GET', path: '/ok', as: 'none' }, answer: { status: 200 } }] },
  drift('as in production', 'tenants are configured alike', {
    read: [
      { path: '/liveness', keys: ['subsystems'] },
      { path: '/config', values: ['version', 'flags'] },
    ],
  }),
];`;

const servers = new Map<string, SinkServer>();
const at = (name: (typeof NAMES)[number]) => servers.get(name) as SinkServer;
const json = (body: unknown): SinkAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Lets a tenant answer its configuration, with what differs from the others. */
function configure(name: (typeof NAMES)[number], config: Record<string, unknown> = {}, subsystems: object = {}) {
  const flags = { search: true, limits: { rate: 5 } };
  at(name).answer = ({ path, headers }) => {
    if (path === '/ok') return json({});
    if (headers.authorization !== `Bearer ${TOKEN}`) return { status: 401 };
    if (path === '/liveness') return json({ subsystems: { db: { tick: Math.random() }, cron: 1, ...subsystems } });
    return json({ version: '2.1', flags, ...config });
  };
}

beforeAll(async () => {
  for (const name of NAMES) servers.set(name, await startSinkServer());
  const tenant = (name: (typeof NAMES)[number]) => ({ name, url: at(name).url, token: { file: 'token' } });
  writeFileSync(join(folder, 'token'), TOKEN);
  writeFileSync(join(folder, 'suite.mjs'), SUITE);
  writeFileSync(join(folder, 'canary.json'), JSON.stringify({ tenants: NAMES.slice(0, 2).map(tenant) }));
  writeFileSync(join(folder, 'production.json'), JSON.stringify({ tenants: NAMES.slice(2).map(tenant) }));
});
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  for (const name of NAMES) {
    configure(name);
    at(name).requests.length = 0;
  }
});

const env = (more: Record<string, string> = {}) => ({
  CANARY_FLEET_FILE: join(folder, 'canary.json'),
  CANARY_PROD_FLEET_FILE: join(folder, 'production.json'),
  CANARY_SMOKE_SUITE: join(folder, 'suite.mjs'),
  ...more,
});

async function canary(args: string[], more: Record<string, string> = {}, isTerminal = true) {
  const out: string[] = [];
  const code = await main(args, {
    env: env(more),
    out: (line) => out.push(line),
    err: (line) => out.push(line),
    input: async () => '',
    isTerminal,
    signal: new AbortController().signal,
  });
  expect(out.join('\n')).not.toContain(TOKEN);
  return { code, text: out.join('\n') };
}

interface Given {
  signal?: AbortSignal;
  quarantined?: string[];
  /** Fields of the comparison that replace those of the suite. */
  check?: Partial<Suite[number]>;
}

/** Smokes a canary tenant as the activity of a release does. */
async function smoked(
  more: Record<string, string> = {},
  { signal, quarantined, check }: Given = {},
): Promise<TenantSmoke> {
  const { config, suite: loaded } = await loadGateConfig(env(more), 'smoke');
  const suite = loaded.map((one) => ('kind' in one ? { ...one, ...check } : one)) as Suite;
  const { tenants, access } = (await config.fleet?.read()) ?? { tenants: [], access: new Map() };
  const tenant = tenants[0] ?? { name: '', origin: '' };
  const judging = { ...judgingNow(config), ...(quarantined && { quarantined }) };
  const options = { suite, judging, ...(signal && { signal }) };
  return smokeTenant(tenant, access.get(tenant.origin), options);
}

describe('the comparison of configurations in a release', () => {
  test('passes if every declared field is the same on all tenants, in whatever order', async () => {
    configure('acme', { flags: { limits: { rate: 5 }, search: true }, secret: 'differs, and is not declared' });
    const { checks, observed } = await smoked();
    expect(checks).toHaveLength(1);
    expect(observed).toMatchObject([
      { kind: 'drift', verdict: 'pass', measured: 'the same as on 3 production tenants' },
    ]);
  });

  test('says which declared field differs from how many tenants, and is no part of the verdict', async () => {
    configure('canary-1', { flags: { search: false, limits: { rate: 5 } } }, { queue: 1 });
    configure('acme', { version: '2.0' });
    const { checks, observed } = await smoked();
    expect(checks.map(({ verdict }) => verdict)).toEqual(['pass']);
    expect(observed).toMatchObject([
      {
        verdict: 'fail',
        measured: 'not as on 3 of 3 production tenants: names in subsystems, version, flags',
        expected: 'the same as on 3 production tenants',
        got: 'subsystems.queue: present here, absent on acme and 2 more; version: "2.1" here, "2.0" on acme; flags.search: false here, true on acme and 2 more',
      },
    ]);
  });

  test.each<[string, SinkAnswer | null, string]>([
    ['that is down', null, 'UND_ERR_SOCKET'],
    ['that answers 503', { ...json({ version: '2.1', subsystems: {} }), status: 503 }, 'status 503'],
    ['that refuses the token', { status: 401 }, 'status 401'],
    [
      'that answers with a page',
      { status: 200, headers: { 'content-type': 'text/html' } },
      'expected content type application/json',
    ],
    ['that redirects', { status: 302, headers: { location: '/login' } }, 'status 302'],
  ])('never takes a tenant %s for the same', async (_which, answer, why) => {
    at('globex').answer = () => answer;
    const [result] = (await smoked()).observed ?? [];
    expect(result).toMatchObject({ verdict: 'could-not-test', measured: 'not known: 1 of 3 production tenants' });
    expect(result?.got).toContain(`globex: names in subsystems not known, ${why}`);
  });

  test('does not know what no tenant has, and what the tenant itself does not answer', async () => {
    for (const name of NAMES) configure(name, { flags: undefined });
    expect((await smoked()).observed).toMatchObject([{ verdict: 'could-not-test', measured: 'not known: flags' }]);
    at('canary-1').answer = ({ path }) => (path === '/ok' ? json({}) : { status: 500 });
    expect((await smoked()).observed).toMatchObject([
      { verdict: 'could-not-test', measured: expect.stringContaining('not known: this tenant') },
    ]);
  });

  test('compares with the other canary tenants where there is no production fleet', async () => {
    configure('canary-2', { version: '3' });
    const { observed } = await smoked({ CANARY_PROD_FLEET_FILE: '' });
    expect(observed).toMatchObject([{ measured: 'not as on 1 of 1 canary tenant: version' }]);
  });

  test('asks production once for all tenants of a release, and never with another method than GET', async () => {
    const { config, suite } = await loadGateConfig(env(), 'smoke');
    const { tenants, access } = (await config.fleet?.read()) ?? { tenants: [], access: new Map() };
    const options = { suite, judging: judgingNow(config) };
    await Promise.all(tenants.map((tenant) => smokeTenant(tenant, access.get(tenant.origin), options)));
    expect(at('acme').requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /liveness',
      'GET /config',
    ]);
  });

  test('does not compare with a canary tenant in quarantine', async () => {
    configure('canary-2', { version: '3' });
    const { observed } = await smoked({ CANARY_PROD_FLEET_FILE: '' }, { quarantined: ['canary-2'] });
    expect(observed).toMatchObject([{ verdict: 'could-not-test', got: expect.stringContaining('no other tenant') }]);
    const [asBefore] = (await smoked({}, { quarantined: ['acme'] })).observed ?? [];
    expect(asBefore).toMatchObject({ verdict: 'pass', measured: 'the same as on 3 production tenants' });
  });

  test('asks again for a try after a fail, which the same answer does not confirm', async () => {
    let asked = 0;
    const as = (version: string) => json({ version, flags: { search: true, limits: { rate: 5 } } });
    at('acme').answer = ({ path }) => {
      if (path === '/liveness') return json({ subsystems: { db: 1, cron: 1 } });
      asked += 1;
      return as(asked === 1 ? '1.0' : '2.1');
    };
    const { checks } = await smoked({}, { check: { observe: false, failures: 2, every: '10ms' } });
    expect(checks.at(-1)).toMatchObject({ verdict: 'pass', tries: 2 });
    expect(asked).toBe(2);
  });

  test('asks production no longer than a release waits for it', async () => {
    let closed = false;
    const silent = createServer((request) => {
      request.on('close', () => {
        closed = true;
      });
      aborting.abort(new Error('aborted by a person'));
    });
    const aborting = new AbortController();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const file = join(folder, 'silent.json');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    writeFileSync(file, JSON.stringify({ tenants: [{ name: 'silent', url, token: { file: 'token' } }] }));
    await expect(smoked({ CANARY_PROD_FLEET_FILE: file }, { signal: aborting.signal })).rejects.toThrow(
      'aborted by a person',
    );
    await until('nothing is asked any more', () => closed, 3_000);
  });

  test('shows no secret: not of the gate in any form, not a value with the name of one, and of the rest its start', async () => {
    const flags = {
      echo: `x${TOKEN}`,
      'api-key': 'sk-live-1',
      [TOKEN]: 1,
      long: 'y'.repeat(500),
      dbPassword: 'hunter2',
    };
    configure('canary-1', { flags });
    configure('acme', { flags: { ...flags, 'api-key': 'sk-live-2', dbPassword: 'hunter3', long: 'z'.repeat(500) } });
    const found = JSON.stringify(await smoked());
    for (const secret of [TOKEN, 'sk-live', 'hunter', 'y'.repeat(70)]) expect(found).not.toContain(secret);
    expect(found).toMatch(/flags\.api-key: \(not shown\) here, .*\(not shown\) on acme/);
    const { text } = await canary(['drift']);
    for (const secret of ['sk-live', 'hunter', 'y'.repeat(70)]) expect(text).not.toContain(secret);
    expect(text).toContain('flags.dbPassword');
  });

  test('does not know numbers that JSON has and this process has not', async () => {
    const raw = (id: string): SinkAnswer => ({ ...json({}), body: `{"version":${id},"flags":true}` });
    for (const name of NAMES) {
      const id = name === 'canary-1' ? '9007199254740993' : '9007199254740992';
      at(name).answer = ({ path }) => (path === '/config' ? raw(id) : json({ subsystems: { db: 1 } }));
    }
    const [result] = (await smoked()).observed ?? [];
    expect(result).toMatchObject({
      verdict: 'could-not-test',
      got: expect.stringContaining('too large to compare'),
    });
  });

  test('does not know a field that is null on each tenant', async () => {
    for (const name of NAMES) configure(name, { flags: { search: null }, version: null });
    expect((await smoked()).observed).toMatchObject([
      { verdict: 'could-not-test', measured: 'not known: version, flags' },
    ]);
  });

  test('sees a difference behind what is shown of two long values', async () => {
    for (const name of NAMES) configure(name, { version: `${'v'.repeat(300)}${name === 'canary-1' ? 1 : 2}` });
    expect((await smoked()).observed).toMatchObject([{ verdict: 'fail' }]);
  });

  test('is in the public report by the names of fields alone, on a terminal with the values', async () => {
    configure('canary-1', { version: '2.1-eu' });
    const run = record({ tenants: [await smoked()] });
    const shown = renderReport(run);
    expect(shown).toContain(
      '### Configuration\n\n- **canary-1**: **as in production** — not as on 3 of 3 production tenants: version\n',
    );
    expect(shown).not.toContain('2.1-eu');
    expect(renderReport(run, {}, { answers: true })).toContain('version: "2.1-eu" here, "2.1" on acme and 2 more');
  });
});

describe('canary drift', () => {
  test('ends with 0 if all tenants are the same', async () => {
    const { code, text } = await canary(['drift']);
    expect(text).toBe(
      '2 canary and 3 production tenants\n\nas in production:\n  the same   names in subsystems, version, flags',
    );
    expect(code).toBe(0);
  });

  test('says who has which value, and ends with 1', async () => {
    configure('canary-2', { flags: { search: false, limits: { rate: 5 } } });
    at('initech').answer = () => ({ status: 503 });
    const { code, text } = await canary(['drift']);
    expect(text.split('\n')).toEqual([
      '2 canary and 3 production tenants',
      '',
      'as in production:',
      '  DIFFERS    flags.search',
      '    true: canary-1, acme (production), globex (production)',
      '    false: canary-2',
      '  NOT KNOWN  names in subsystems of initech (production): status 503',
      '  NOT KNOWN  version of initech (production): status 503',
      '  NOT KNOWN  flags of initech (production): status 503',
    ]);
    expect(code).toBe(1);
    const data = JSON.parse((await canary(['drift', '-o', 'json'])).text);
    expect(data).toMatchObject({
      verdict: 'fail',
      tenants: { canary: ['canary-1', 'canary-2'], production: ['acme', 'globex', 'initech'] },
      checks: [{ check: 'as in production', differences: [{ field: 'flags', label: 'flags.search' }] }],
    });
  });

  test('shows no value, and no name in an answer, where its output is no terminal', async () => {
    configure('canary-2', { version: '1.9', flags: { search: false, limits: { rate: 6 } } });
    const { code, text } = await canary(['drift'], {}, false);
    expect(text.split('\n').slice(3)).toEqual([
      '  the same   names in subsystems',
      '  DIFFERS    version',
      '    (not shown): canary-1, acme (production), globex (production), initech (production)',
      '    (not shown): canary-2',
      '  DIFFERS    flags',
      '    (not shown): canary-1, acme (production), globex (production), initech (production)',
      '    (not shown): canary-2',
    ]);
    expect(code).toBe(1);
    const data = (await canary(['drift', '-o', 'json'], {}, false)).text;
    for (const shown of ['1.9', 'limits', 'true', 'search']) expect(data).not.toContain(shown);
  });

  test('ends with 4 if nothing differs and something is not known, and with 2 if nothing is declared', async () => {
    at('initech').answer = () => ({ status: 503 });
    expect((await canary(['drift'])).code).toBe(4);
    const none = await canary(['drift'], { CANARY_SMOKE_SUITE: '' });
    expect(none).toMatchObject({ code: 2, text: expect.stringContaining('the suite compares nothing') });
  });
});

describe('a check that compares', () => {
  const problems = (read: unknown, more: object = {}) =>
    suiteProblems([{ ...drift('a', 'b', { read: read as [] }), observe: false, ...more }]);

  test.each([
    [[], 'read must not be empty'],
    [[{ path: '/a' }], 'read[0] needs values or keys'],
    [[{ path: '//host/a', values: ['b'] }], 'exactly one slash first'],
    [[{ path: '/a', values: ['b..c'] }], 'must be a dotted path'],
    [
      [
        { path: '/a', values: ['b'] },
        { path: '/c', values: ['b'] },
      ],
      'compares b twice',
    ],
    [[{ path: '/a', values: ['b'], method: 'POST' }], '"method", which is not known'],
  ])('of %j is refused', (read, problem) => {
    expect(problems(read).join('\n')).toContain(problem);
  });

  test('must say whether it counts, and does not look at production after the move', () => {
    const read = [{ path: '/a', values: ['b'] }];
    expect(problems(read)).toEqual([]);
    expect(problems(read, { observe: undefined }).join()).toContain('must say observe');
    expect(problems(read, { after: true }).join()).toContain('has after');
  });
});

describe('JUnit', () => {
  test('shows what was only observed as skipped, outside of the verdict', async () => {
    configure('acme', { version: '2' });
    const text = junit([await smoked()]);
    expect(text.match(/tests="2" failures="0" errors="0" skipped="1"/g)).toHaveLength(2);
    expect(text).toContain('<skipped message="observed only, fail, not as on 1 of 3 production tenants: version"/>');
  });
});
