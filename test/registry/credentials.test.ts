import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { dockerCredentials, firstOf, githubCredentials, mayHaveLogin } from '../../src/registry/auth/credentials.js';
import { until } from '../support/until.js';

const SECRET = 'hunter2-is-the-secret';
const auth = (user: string, password = SECRET) => Buffer.from(`${user}:${password}`).toString('base64');
const basic = (username: string, password = SECRET) => ({ kind: 'basic', username, password });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'canary-home-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (path: string, content: unknown) => {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
/** A credential helper on its own PATH; its stdin is in `<name>.asked`. */
const helper = (name: string, body: string) => {
  const file = write(
    `bin/docker-credential-${name}`,
    `#!/bin/sh\n[ "$1" = get ] || exit 9\ncat > ${home}/${name}.asked\n${body}\n`,
  );
  chmodSync(file, 0o755);
};
const env = (more: Record<string, string> = {}) => ({ HOME: home, PATH: `${home}/bin:${process.env.PATH}`, ...more });
const ask = (host = 'ghcr.io', repository = 'org/app', more: Record<string, string> = {}, helperTimeoutMs = 5_000) =>
  dockerCredentials(env(more), { helperTimeoutMs })(host, repository);

describe("an entry of Docker's config.json", () => {
  const entries: [string, object, string, string, object | null][] = [
    ['auth', { 'ghcr.io': { auth: auth('me') } }, 'ghcr.io', 'org/app', basic('me')],
    [
      'auth whose password has colons',
      { 'ghcr.io': { auth: auth('me', 'a:b:c') } },
      'ghcr.io',
      'org/app',
      basic('me', 'a:b:c'),
    ],
    ['auth with an empty password', { 'ghcr.io': { auth: auth('me', '') } }, 'ghcr.io', 'org/app', basic('me', '')],
    [
      'auth, filled up with zero bytes',
      { 'ghcr.io': { auth: auth('me', `${SECRET}\0\0`) } },
      'ghcr.io',
      'org/app',
      basic('me'),
    ],
    ['username and password', { 'ghcr.io': { username: 'me', password: SECRET } }, 'ghcr.io', 'org/app', basic('me')],
    [
      'an identity token, before all',
      { 'ghcr.io': { auth: auth('<token>', ''), identitytoken: SECRET } },
      'ghcr.io',
      'org/app',
      { kind: 'identity-token', token: SECRET },
    ],
    [
      'a registry token',
      { 'ghcr.io': { registrytoken: SECRET } },
      'ghcr.io',
      'org/app',
      { kind: 'registry-token', token: SECRET },
    ],
    ['under a URL', { 'https://ghcr.io/v2/': { auth: auth('me') } }, 'ghcr.io', 'org/app', basic('me')],
    [
      'under the repository, before its host',
      { 'ghcr.io': { auth: auth('all') }, 'ghcr.io/org/app': { auth: auth('one') } },
      'ghcr.io',
      'org/app',
      basic('one'),
    ],
    [
      'under the owner, before its host',
      { 'ghcr.io': { auth: auth('all') }, 'ghcr.io/org': { auth: auth('org') } },
      'ghcr.io',
      'org/app',
      basic('org'),
    ],
    ['under a path of the host', { 'ghcr.io/other': { auth: auth('me') } }, 'ghcr.io', 'org/app', basic('me')],
    [
      'of another host',
      { 'ghcr.io.example.com': { auth: auth('me') }, 'xghcr.io': { auth: auth('me') } },
      'ghcr.io',
      'org/app',
      null,
    ],
    ['of another port', { 'localhost:5000': { auth: auth('me') } }, 'localhost:5001', 'app', null],
    ['that is empty, left by a helper', { 'ghcr.io': {} }, 'ghcr.io', 'org/app', null],
    ['that is null', { 'ghcr.io': null }, 'ghcr.io', 'org/app', null],
    [
      'with nulls, beside entries of others that are nothing',
      {
        'other.example.com': { auth: 7, password: null },
        'more.example.com': 'text',
        'ghcr.io': { auth: auth('me'), username: null, identitytoken: null, registrytoken: null, email: 7 },
      },
      'ghcr.io',
      'org/app',
      basic('me'),
    ],
    ['in capital letters', { 'https://GHCR.io': { auth: auth('me') } }, 'ghcr.io', 'org/app', basic('me')],
    [
      'of Docker Hub, by its API',
      { 'registry-1.docker.io': { auth: auth('me') } },
      'index.docker.io',
      'a/b',
      basic('me'),
    ],
    [
      'of Docker Hub',
      { 'https://index.docker.io/v1/': { auth: auth('me') } },
      'index.docker.io',
      'library/nginx',
      basic('me'),
    ],
    ['named like a part of every object', { __proto__: { auth: auth('me') } }, 'ghcr.io', 'constructor', null],
  ];
  test.each(entries)('%s', async (_what, auths, host, repository, expected) => {
    write('.docker/config.json', { auths });
    expect(await ask(host, repository)).toEqual(expected);
  });
});

describe('dockerCredentials', () => {
  const of = (name: string) => ({ auths: { 'ghcr.io': { auth: auth(name) } } });

  test("DOCKER_AUTH_CONFIG, $DOCKER_CONFIG instead of ~/.docker, REGISTRY_AUTH_FILE, podman's; the first with an entry decides", async () => {
    expect(await ask()).toBeNull();
    write('run/containers/auth.json', of('podman'));
    const places: Record<string, string> = { XDG_RUNTIME_DIR: join(home, 'run') };
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('podman'));
    places.REGISTRY_AUTH_FILE = write('auth-file.json', of('auth-file'));
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('auth-file'));
    write('.docker/config.json', of('home'));
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('home'));
    places.DOCKER_CONFIG = dirname(write('elsewhere/config.json', { auths: {} }));
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('auth-file'));
    write('elsewhere/config.json', of('docker-config'));
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('docker-config'));
    places.DOCKER_AUTH_CONFIG = JSON.stringify(of('inline'));
    expect(await ask('ghcr.io', 'org/app', places)).toEqual(basic('inline'));
  });

  test('an empty file is no configuration, and the next one counts', async () => {
    write('.docker/config.json', '');
    write('run/containers/auth.json', '\n');
    expect(await ask('ghcr.io', 'org/app', { XDG_RUNTIME_DIR: join(home, 'run') })).toBeNull();
    write('.config/containers/auth.json', of('podman-on-disk'));
    expect(await ask('ghcr.io', 'org/app', { XDG_RUNTIME_DIR: join(home, 'run') })).toEqual(basic('podman-on-disk'));
  });

  test('the names of its sections may have any letter case, as Go reads them', async () => {
    write('.docker/config.json', { Auths: { 'ghcr.io': { auth: Buffer.from('me:x').toString('base64') } } });
    expect(await ask('ghcr.io', 'org/app')).toMatchObject({ kind: 'basic', username: 'me' });
  });

  test('a file that is broken stops no login of another one', async () => {
    write('.docker/config.json', '{}');
    const broken = write('.config/containers/auth.json', '{"auths":');
    await expect(ask()).rejects.toThrow(`${broken} is not JSON`);
    write('.docker/config.json', of('docker'));
    expect(await ask()).toEqual(basic('docker'));
    write('.docker/config.json', '{"auths":');
    write('.config/containers/auth.json', of('podman'));
    expect(await ask()).toEqual(basic('podman'));
  });

  test('a login is seen when it is made, not at the start of the process', async () => {
    const source = dockerCredentials(env());
    expect(await source('ghcr.io', 'org/app')).toBeNull();
    write('.docker/config.json', of('later'));
    expect(await source('ghcr.io', 'org/app')).toEqual(basic('later'));
  });

  test("GITHUB_TOKEN is for ghcr.io alone, and comes before Docker's configuration", async () => {
    write('.docker/config.json', {
      auths: { 'ghcr.io': { auth: auth('docker') }, 'quay.io': { auth: auth('docker') } },
    });
    const source = firstOf(githubCredentials({ username: 'actor', password: SECRET }), dockerCredentials(env()));
    expect(await source('ghcr.io', 'org/app')).toEqual(basic('actor'));
    expect(await source('quay.io', 'org/app')).toEqual(basic('docker'));
    expect(await source('ghcr.io.evil.example', 'org/app')).toBeNull();
    expect(await source('ghcr.io', 'org/app', { kind: 'basic', username: 'actor', password: SECRET })).toEqual(
      basic('docker'),
    );
    expect(await firstOf(githubCredentials(null))('ghcr.io', 'org/app')).toBeNull();
  });
});

describe('mayHaveLogin', () => {
  test.each<[string, string | object, string, boolean]>([
    ['no file at all', '', 'ghcr.io', false],
    ['an entry of the host', { auths: { 'ghcr.io': {} } }, 'ghcr.io', true],
    ['an entry of a repository of it', { auths: { 'https://GHCR.io/org/app': {} } }, 'ghcr.io', true],
    ['an entry of Docker Hub', { auths: { 'https://index.docker.io/v1/': {} } }, 'index.docker.io', true],
    ['an entry of another host', { auths: { 'quay.io': { auth: auth('me') } } }, 'ghcr.io', false],
    ['a helper of the host', { credHelpers: { 'ghcr.io': 'gh' } }, 'ghcr.io', true],
    ['a helper of another host', { credHelpers: { 'quay.io': 'gh' } }, 'ghcr.io', false],
    ['a helper for all hosts', { credsStore: 'desktop' }, 'ghcr.io', true],
    ['a file that cannot be read', '{', 'ghcr.io', true],
  ])('%s', async (_what, content, host, expected) => {
    write('.docker/config.json', content);
    expect(await mayHaveLogin(env(), host)).toBe(expected);
    expect(existsSync(join(home, 'gh.asked'))).toBe(false);
  });
});

describe('a credential helper', () => {
  test('of the host comes before the one for all hosts, and both before the entries', async () => {
    helper('one', `echo '{"ServerURL":"ghcr.io","Username":"one","Secret":"${SECRET}"}'`);
    helper('all', `echo '{"Username":"<token>","Secret":"${SECRET}"}'`);
    write('.docker/config.json', {
      auths: { 'ghcr.io': { auth: auth('filed') } },
      credHelpers: { 'ghcr.io': 'one' },
      credsStore: 'all',
    });
    expect(await ask()).toEqual(basic('one'));
    expect(await ask('quay.io')).toEqual({ kind: 'identity-token', token: SECRET });
    expect(await ask('index.docker.io')).toMatchObject({ token: SECRET });
    expect(readFileSync(join(home, 'one.asked'), 'utf8')).toBe('ghcr.io\n');
    expect(readFileSync(join(home, 'all.asked'), 'utf8')).toBe('https://index.docker.io/v1/\n');
  });

  test.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'])(
    'of Docker Hub is found by the key %s',
    async (key) => {
      helper('hub', `echo '{"Username":"hub","Secret":"${SECRET}"}'`);
      write('.docker/config.json', { credHelpers: { [key]: 'hub', 'other.example.com': 7 }, credsStore: 'missing' });
      expect(await ask('index.docker.io')).toEqual(basic('hub'));
    },
  );

  test('may name its fields in any letter case, as Go reads them', async () => {
    helper('small', `echo '{"serverurl":null,"username":"me","SECRET":"${SECRET}"}'`);
    write('.docker/config.json', { credsStore: 'small' });
    expect(await ask()).toEqual(basic('me'));
  });

  test("gets PATH, HOME, its cloud's variables and proxies, and no secret of the gate", async () => {
    helper('env', `env > ${home}/env.seen; echo '{"Username":"me","Secret":"${SECRET}"}'`);
    write('.docker/config.json', { credsStore: 'env' });
    const passed = {
      ...{ AWS_PROFILE: 'prod', GOOGLE_APPLICATION_CREDENTIALS: '/k', CLOUDSDK_CONFIG: '/c', AZURE_CLIENT_ID: 'id' },
      ...{ DOCKER_CONFIG: join(home, '.docker'), XDG_RUNTIME_DIR: '/run/1', HTTPS_PROXY: 'http://p:1', no_proxy: 'a' },
    };
    const withheld = {
      ...{ CANARY_ADMIN_TOKENS: SECRET, TEMPORAL_API_KEY: SECRET, GITHUB_TOKEN: SECRET, MY_TENANT_TOKEN: SECRET },
      ...{ GITHUB_TOKEN_FILE: '/t', TEMPORAL_TLS_CLIENT_KEY_DATA: SECRET, NODE_OPTIONS: '', NPM_TOKEN: SECRET },
    };
    await ask('ghcr.io', 'org/app', { ...passed, ...withheld });
    const seen = Object.fromEntries(
      readFileSync(join(home, 'env.seen'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/).slice(0, 2) as [string, string]),
    );
    expect(seen).toMatchObject({ HOME: home, PATH: expect.stringContaining(home), ...passed });
    expect(Object.keys(seen).filter((name) => name in withheld)).toEqual([]);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });

  test('gets the variables that the configuration names, for a login that is in one', async () => {
    helper('own', `echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"$OWN_LOGIN$OTHER\\"}"`);
    write('.docker/config.json', { credsStore: 'own' });
    const own = env({ OWN_LOGIN: SECRET, OTHER: 'x' });
    expect(await dockerCredentials(own, { helperEnv: ['OWN_LOGIN'] })('ghcr.io', 'org/app')).toEqual(basic('me'));
    expect(await dockerCredentials(own)('ghcr.io', 'org/app')).toBeNull();
  });

  test('that does not know the host leaves it to the next source', async () => {
    helper('none', 'echo credentials not found in native keychain; exit 1');
    write('.docker/config.json', { auths: { 'ghcr.io': { auth: auth('filed') } }, credsStore: 'none' });
    expect(await ask()).toEqual(basic('filed'));
    expect(await ask('quay.io')).toBeNull();
  });

  const broken: [string, string | null, string][] = [
    ['is not installed', null, 'is not on the PATH (install it)'],
    ['fails', `echo 'no ${SECRET}'; echo ${SECRET} >&2; exit 3`, 'failed with exit code 3'],
    ['prints something else', `echo '"${SECRET}"'`, 'something else than Username and Secret'],
    ['prints half', `echo '{"Secret":"${SECRET}"}'`, 'something else than Username and Secret'],
    ['prints without end', 'yes', 'printed more than credentials'],
    ['does not answer', 'sleep 1000 & wait', 'did not answer within 300 ms'],
  ];
  test.each(broken)(
    'that %s is an error, which names it and the file and none of its output',
    async (_what, body, why) => {
      if (body !== null) helper('bad', body);
      const file = write('.docker/config.json', { credsStore: 'bad' });
      const error = await ask('ghcr.io', 'org/app', {}, why.includes('300') ? 300 : 5_000).catch(
        (reason: unknown) => reason,
      );
      // A failure that a retry may fix does not end a release.
      const isTransient = /^(failed|printed more|did not answer) /.test(why);
      if (isTransient) expect(error).toMatchObject({ name: 'RegistryError', kind: 'transient' });
      else expect(error).toBeInstanceOf(InvalidInput);
      expect((error as Error).message).toContain(why);
      expect((error as Error).message).toContain('docker-credential-bad');
      expect((error as Error).message).toContain(file);
      expect(String((error as Error).stack)).not.toContain(SECRET);
    },
  );

  test('that is stopped takes its children with it', async () => {
    helper('slow', `sleep 1000 & echo $! > ${home}/child.pid; wait`);
    write('.docker/config.json', { credsStore: 'slow' });
    await expect(ask('ghcr.io', 'org/app', {}, 300)).rejects.toThrow('did not answer');
    const pid = Number(readFileSync(join(home, 'child.pid'), 'utf8'));
    await until('its child is gone', () => {
      const stat = existsSync(`/proc/${pid}/stat`) && readFileSync(`/proc/${pid}/stat`, 'utf8');
      return !stat || stat.includes(') Z ');
    });
  });

  test.each(['../../bin/sh', '', 'a b', '-x', 'a/b'].filter((name) => name !== ''))(
    'named %j is not run',
    async (name) => {
      write('.docker/config.json', { credsStore: name });
      await expect(ask()).rejects.toThrow('invalid credential helper');
    },
  );
});

describe('a login with something around it or inside it', () => {
  const filed = (entry: object) =>
    write('.docker/config.json', `\ufeff${JSON.stringify({ auths: { 'ghcr.io': entry } })}`);

  test.each([
    ['a line break after the password', { auth: auth('me', `${SECRET}\n`) }, basic('me')],
    ['a byte order mark and a line break', { username: 'me', password: `\ufeff${SECRET}\r\n` }, basic('me')],
    ['a password with blanks around it', { auth: auth('me', ' a ') }, basic('me', ' a ')],
    ['a password with letters beyond ASCII', { auth: auth('mé', 'pässwörd€') }, basic('mé', 'pässwörd€')],
    ['a password with a space', { auth: auth('me', 'a b') }, basic('me', 'a b')],
    ['a token with blanks', { registrytoken: ` ${SECRET}\t` }, { kind: 'registry-token', token: SECRET }],
  ])('%s is used as it was meant', async (_what, entry, expected) => {
    filed(entry);
    expect(await ask()).toEqual(expected);
  });

  test.each([
    ['two lines', { auth: auth('me', `${SECRET}\nsecond`) }],
    ['a zero-width space', { identitytoken: `${SECRET}\u200b` }],
    ['a letter beyond ASCII in a token', { registrytoken: `${SECRET}é` }],
    ['a zero byte', { username: 'me', password: `${SECRET}\0x` }],
    ['a blank in a token', { registrytoken: `${SECRET} second` }],
  ])('%s: refused, naming file and host', async (_what, entry) => {
    const file = filed(entry);
    const error = (await ask().catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(InvalidInput);
    expect(error.message).toContain(`${file}: the login of ghcr.io has characters that no header carries`);
    expect(String(error.stack)).not.toContain(SECRET.slice(0, 7));
  });

  test('what a helper prints is read by the same rule', async () => {
    helper('lines', `printf '{"Username":"me","Secret":"${SECRET}\\\\n"}'`);
    write('.docker/config.json', { credsStore: 'lines' });
    expect(await ask()).toEqual(basic('me'));
  });
});

describe('an unusable file is named without its content', () => {
  const bad: [string, string, string][] = [
    ['no JSON', `{"auths":{"ghcr.io":{"auth":"${SECRET}"`, 'is not JSON'],
    ['a password, and no JSON', SECRET, 'is not JSON'],
    ['another JSON', `["${SECRET}"]`, 'is not a Docker configuration at the top level'],
    ['an entry of another kind', `{"auths":{"ghcr.io":"${SECRET}"}}`, 'at auths.ghcr.io'],
    [
      'auth that is not base64 of user:password',
      `{"auths":{"ghcr.io":{"auth":"${SECRET}"}}}`,
      'auths "ghcr.io": invalid auth: expected base64 of user:password',
    ],
  ];
  test.each(bad)('%s', async (_what, text, why) => {
    const file = write('.docker/config.json', text);
    const error = (await ask().catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(InvalidInput);
    expect(error.message).toContain(why);
    expect(error.message).toContain(file);
    // JSON.parse quotes the first ten characters.
    expect(`${error.stack}${String(error.cause)}`).not.toContain(SECRET.slice(0, 7));
  });

  test('DOCKER_AUTH_CONFIG is named as itself, and a folder in place of the file is an error', async () => {
    await expect(ask('ghcr.io', 'a', { DOCKER_AUTH_CONFIG: '{' })).rejects.toThrow('DOCKER_AUTH_CONFIG is not JSON');
    mkdirSync(join(home, '.docker', 'config.json'), { recursive: true });
    await expect(ask()).rejects.toThrow('cannot be read: EISDIR');
  });
});
