import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readGates } from '../../src/config/gates.js';
import { loadConfig, loadWorkerConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import { type Config, ConfigError, type Env } from '../../src/config/schema.js';
import { type Fleet, FleetError, FleetUnreadable } from '../../src/tenants/fleet.js';
import { commandFleet } from '../../src/tenants/sources/command.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-elsewhere-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
const tenant = (name: string, token: object = { env: 'EU_TOKEN' }) => ({
  name,
  url: `https://${name}.example`,
  token,
});
const fleet = (...tenants: object[]) => JSON.stringify({ tenants });
const EU = fleet(tenant('eu'));

const server = await startSinkServer();
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  server.answer = () => ({ status: 200, body: EU });
});
const answers = (status: number, body = '') => {
  server.answer = () => ({ status, body });
};

const URL_ENV: Env = {
  ...IMAGES,
  CANARY_FLEET_URL: `${server.url}/canary.json?env=eu`,
  CANARY_FLEET_TOKEN: 'hush-endpoint',
  CANARY_FLEET_SECRETS: `EU_TOKEN,${folder}`,
  EU_TOKEN: 'hush-eu',
  GITHUB_TOKEN: 'hush-github',
};
const commandEnv = (command: string, more: Env = {}): Env => ({
  ...IMAGES,
  PATH: process.env.PATH,
  CANARY_FLEET_COMMAND: command,
  CANARY_FLEET_SECRETS: 'EU_TOKEN',
  EU_TOKEN: 'hush-eu',
  ...more,
});
const namesOf = ({ tenants }: Fleet) => tenants.map(({ name }) => name);
const read = async ({ fleet: source }: Config, maxAgeMs?: number) => {
  if (source === null) throw new Error('no fleet');
  return source.read(undefined, maxAgeMs);
};
const problemsOf = (env: Env) =>
  loadConfig(env).then(
    () => [],
    (error: unknown) => (error instanceof ConfigError ? error.problems : Promise.reject(error)),
  );

describe('a fleet by URL', () => {
  test('is asked for with its own token, and read again for each release', async () => {
    const config = await loadConfig(URL_ENV);
    expect(server.requests).toEqual([]);
    expect((await planRelease(config, {})).tenants).toEqual([{ name: 'eu', origin: 'https://eu.example' }]);
    expect((await read(config)).access.get('https://eu.example')?.token).toBe('hush-eu');
    answers(200, fleet(tenant('eu'), tenant('us')));
    const plan = await planRelease(config, {});
    expect(plan.tenants.map(({ name }) => name)).toEqual(['eu', 'us']);
    expect(plan).not.toHaveProperty('fleetNotes');
    expect(server.requests[0]).toMatchObject({ method: 'GET', path: '/canary.json?env=eu' });
    expect(server.requests[0]?.headers.authorization).toBe('Bearer hush-endpoint');
    expect(JSON.stringify(plan)).not.toMatch(/hush/);
  });

  test('is not asked again while it is young enough for the caller', async () => {
    const config = await loadConfig(URL_ENV);
    await read(config);
    await Promise.all([read(config, 60_000), read(config, 60_000)]);
    expect(server.requests).toHaveLength(1);
  });

  test.each([429, 500, 503, null])(
    'that answers %s counts as it was, and the plan names the copy, its age and no address',
    async (status) => {
      const config = await loadConfig(URL_ENV);
      await read(config);
      server.answer = () => (status === null ? null : { status });
      const plan = await planRelease(config, {});
      expect(plan.tenants).toHaveLength(1);
      const [note] = plan.fleetNotes ?? [];
      const why = status === null ? /no answer \(\w+\)/ : new RegExp(`status ${status}`);
      expect(note).toMatch(/^the fleet is a copy of 20\d\d-[^ ]+Z, because CANARY_FLEET_URL: /);
      expect(note).toMatch(why);
      expect(note).not.toMatch(/127\.0\.0\.1|http|hush/);
      answers(200, EU);
      expect(await planRelease(config, {})).not.toHaveProperty('fleetNotes');
    },
  );

  test('that was never read cannot be read now, which is no problem of the configuration', async () => {
    answers(503);
    const { config, problems } = await loadWorkerConfig(URL_ENV);
    expect(problems).toEqual([]);
    await expect(read(config)).rejects.toThrow(FleetUnreadable);
    await expect(read(config)).rejects.toThrow('CANARY_FLEET_URL: status 503, and there is no copy of the last day');
  });

  test.each<[string, number, string, string]>([
    ['refuses the token', 401, EU, 'status 401: the endpoint refuses CANARY_FLEET_TOKEN'],
    ['is gone', 404, EU, 'status 404: expected 200 with the JSON of a fleet'],
    ['redirects', 302, EU, 'status 302: redirects are not followed: name the final address'],
    ['is no JSON', 200, '<html>hush</html>', 'is not JSON'],
    ['is another JSON', 200, '{"orgs":[]}', 'tenants is missing: an array of tenants'],
    ['names no tenant', 200, fleet(), 'names no tenant'],
  ])('that %s is an error, and no earlier copy counts', async (_, status, body, expected) => {
    const config = await loadConfig(URL_ENV);
    await read(config);
    answers(status, body);
    await expect(read(config)).rejects.toThrow(`CANARY_FLEET_URL: ${expected}`);
    await expect(read(config)).rejects.not.toThrow(/hush|127\.0/);
    answers(503);
    await expect(read(config)).rejects.toThrow(FleetUnreadable);
  });

  test.each<[string, object]>([
    ['a variable that was not allowed', { env: 'GITHUB_TOKEN' }],
    ['a file outside of its folders', { file: '../../etc/hostname' }],
    ['an absolute file outside of its folders', { file: '/etc/hostname' }],
  ])('cannot have %s sent to a tenant', async (_, token) => {
    answers(200, fleet(tenant('eu', token)));
    const config = await loadConfig(URL_ENV);
    await expect(read(config)).rejects.toThrow('CANARY_FLEET_SECRETS');
    await expect(read(config)).rejects.toThrow(FleetError);
  });

  test('may name a file in a folder that is allowed, which is read again each time', async () => {
    write('eu.token', 'hush-one\n');
    answers(200, fleet(tenant('eu', { file: 'eu.token' })));
    const config = await loadConfig(URL_ENV);
    expect((await read(config)).access.get('https://eu.example')?.token).toBe('hush-one');
    write('eu.token', 'hush-two\n');
    expect((await read(config, 60_000)).access.get('https://eu.example')?.token).toBe('hush-two');
  });
});

describe('a fleet by command', () => {
  test('is what the command prints, and is run again each time', async () => {
    const file = write('printed.json', EU);
    const config = await loadConfig(commandEnv(`cat ${file}`));
    expect(namesOf(await read(config))).toEqual(['eu']);
    write('printed.json', fleet(tenant('us')));
    expect(namesOf(await read(config))).toEqual(['us']);
  });

  test('gets no secret of the worker but those that are named', async () => {
    const seen = join(folder, 'seen');
    const command = `env > ${seen}; echo '${EU}'`;
    const more = { GITHUB_TOKEN: 'hush-github', CANARY_FLEET_COMMAND_ENV: 'LIST_TOKEN', LIST_TOKEN: 'hush-list' };
    await read(await loadConfig(commandEnv(command, more)));
    const text = readFileSync(seen, 'utf8');
    expect(text).toContain('LIST_TOKEN=hush-list');
    expect(text).not.toMatch(/hush-github|hush-eu|CANARY_/);
  });

  test.each<[string, string, string]>([
    ['fails', 'echo hush >&2; exit 3', 'exit 3'],
    ['cannot be found', 'no-such-command-here', 'exit 127'],
    ['is killed', 'kill -9 $$', 'was ended by SIGKILL'],
    ['prints without end', 'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done', 'printed more than'],
  ])('that %s is unreadable, in words that are safe to show', async (_, command, expected) => {
    const config = await loadConfig(commandEnv(command));
    await expect(read(config)).rejects.toThrow(`CANARY_FLEET_COMMAND: ${expected}`);
    await expect(read(config)).rejects.not.toThrow('hush');
  });

  test('that does not end is killed with all that it started', async () => {
    const pid = join(folder, 'pid');
    const sources = {
      env: { PATH: process.env.PATH },
      readFile: () => '',
      network: (await loadConfig(IMAGES)).network,
    };
    const command = `sleep 600 & echo $! > ${pid}; wait`;
    const source = commandFleet({ command, passed: [], secrets: [] }, sources, 3_000);
    await expect(source.read()).rejects.toThrow('CANARY_FLEET_COMMAND: did not end in time');
    const process_ = readFileSync(pid, 'utf8').trim();
    await until('the process has ended', () => !isRunning(process_));
  });

  test('is not read any more once it printed too much, also by what has left its process group', async () => {
    const pid = join(folder, 'escaped');
    const config = await loadConfig(commandEnv(`setsid sh -c 'echo $$ > ${pid}; exec yes'`));
    await expect(read(config)).rejects.toThrow('printed more than');
    const process_ = readFileSync(pid, 'utf8').trim();
    await until('its pipe is closed, so that it has ended', () => !isRunning(process_));
  });
});

/** Whether a process runs; one that ended and was not collected does not. */
function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
}

describe('the configuration of a fleet from elsewhere', () => {
  afterEach(() => expect(server.requests).toEqual([]));

  test.each<[string, Env, string]>([
    [
      'two sources',
      { ...URL_ENV, CANARY_FLEET_FILE: 'fleet.json' },
      'CANARY_FLEET_FILE, CANARY_FLEET_URL: a gate has one canary fleet (keep one of them)',
    ],
    [
      'a source beside the two lists',
      { ...commandEnv('true'), CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS: 'hush' },
      'CANARY_FLEET_COMMAND, CANARY_TENANT_URLS with CANARY_ADMIN_TOKENS: a gate has one canary fleet (keep one of them)',
    ],
    [
      'a token without its endpoint',
      { ...IMAGES, CANARY_FLEET_TOKEN: 'hush' },
      'CANARY_FLEET_TOKEN is only for CANARY_FLEET_URL: unset it',
    ],
    [
      'a password in the address',
      { ...URL_ENV, CANARY_FLEET_URL: 'https://user:hush@fleet.example' },
      'CANARY_FLEET_URL: has a user or password: a token belongs in CANARY_FLEET_TOKEN',
    ],
    [
      'an invalid address',
      { ...URL_ENV, CANARY_FLEET_URL: 'hush' },
      'CANARY_FLEET_URL: is not a URL: expected e.g. https://fleet.example.com/canary.json',
    ],
    [
      'plain http',
      { ...URL_ENV, CANARY_FLEET_URL: 'http://fleet.example/hush' },
      'CANARY_FLEET_URL: is plain http: a fleet comes over https, or from this machine only',
    ],
    [
      'a variable of the command that is not set',
      commandEnv('true', { CANARY_FLEET_COMMAND_ENV: 'NOT_SET' }),
      'CANARY_FLEET_COMMAND_ENV: NOT_SET is not set',
    ],
    [
      'a relative folder of secrets',
      { ...URL_ENV, CANARY_FLEET_SECRETS: './hush' },
      'CANARY_FLEET_SECRETS: expected names of variables, and folders that begin with /',
    ],
  ])('with %s is told in one line, without its values', async (_, env, expected) => {
    const problems = await problemsOf(env);
    expect(problems).toEqual([expected]);
  });

  test('of a gate with a source of its own has nothing of the one of the environment', () => {
    const gate = { CANARY_IMAGES: 'ghcr.io/acme/pay', CANARY_FLEET_URL: 'https://pay.example/fleet.json' };
    const gates = readGates({ ...URL_ENV, CANARY_GATES_FILE: 'gates.json' }, () =>
      JSON.stringify({ gates: { payments: gate } }),
    );
    const [entry] = [...(gates?.values() ?? [])];
    const { env } = entry as { env: Env };
    expect(env).toMatchObject(gate);
    expect(env).not.toHaveProperty('CANARY_FLEET_TOKEN');
    expect(env).not.toHaveProperty('CANARY_FLEET_SECRETS');
  });
});
