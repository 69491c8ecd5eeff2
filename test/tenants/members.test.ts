import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { parseSlug } from '../../src/contract/tenants/added.js';
import { DIRECT } from '../../src/net/network.js';
import type { Org } from '../../src/tenants/control-plane/answers.js';
import { orgNow } from '../../src/tenants/control-plane/instance.js';
import { createMembers } from '../../src/tenants/control-plane/members.js';
import { addToFleetFile } from '../../src/tenants/rewrite-file.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-members-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'fleet.json');
const first = { url: 'https://first.example', token: { env: 'FIRST' } };
const write = (...tenants: object[]) => writeFileSync(file, JSON.stringify({ tenants }));
beforeEach(() => write(first));

const EU = parseSlug('canary-eu');
const AT_EU = { url: 'https://eu.example', org: 'org-1' };
const members = (command: string | null = null, env: Record<string, string> = {}) =>
  createMembers(
    { file, command, passed: ['VAULT_TOKEN'] },
    {
      env: {
        PATH: process.env.PATH,
        FIRST: 'hush-first',
        VAULT_TOKEN: 'hush-vault',
        GITHUB_TOKEN: 'hush-github',
        ...env,
      },
      readFile: (path) => readFileSync(path, 'utf8'),
      network: DIRECT,
    },
  );
const read = () => JSON.parse(readFileSync(file, 'utf8')).tenants;

describe('the secret store of a fleet file', () => {
  test('is a file of its own for each token, which its owner alone can read, also where another file was', async () => {
    const token = join(folder, 'canary-eu.token');
    writeFileSync(token, 'old');
    chmodSync(token, 0o644);
    await members().storeToken(EU, AT_EU, 'hush-eu');
    expect(members().readToken(EU)).toBe('hush-eu');
    await members().join(EU, AT_EU);
    expect(statSync(token).mode & 0o777).toBe(0o600);
    expect(members().readToken(EU)).toBe('hush-eu');
    expect(readdirSync(folder).filter((name) => name.includes('.token.'))).toEqual([]);
  });

  test('is the file that the fleet file names for the tenant, if it names one', async () => {
    mkdirSync(join(folder, 'secrets'), { recursive: true });
    write(first, { name: 'canary-eu', url: 'https://eu.example', token: { file: 'secrets/eu' } });
    await members().storeToken(EU, AT_EU, 'hush-new');
    await members().join(EU, AT_EU);
    expect(readFileSync(join(folder, 'secrets/eu'), 'utf8').trim()).toBe('hush-new');
    expect(read()[1].token).toEqual({ file: 'secrets/eu' });
  });

  test('keeps a token in use until the tenant joins', async () => {
    write(first, { name: 'canary-eu', url: 'https://eu.example', token: { file: 'in-use' } });
    writeFileSync(join(folder, 'in-use'), 'hush-old');
    await members().storeToken(EU, AT_EU, 'hush-new');
    expect(readFileSync(join(folder, 'in-use'), 'utf8')).toBe('hush-old');
    expect(members().readToken(EU)).toBe('hush-new');
    await members().join(EU, AT_EU);
    expect(readFileSync(join(folder, 'in-use'), 'utf8').trim()).toBe('hush-new');
    expect(existsSync(join(folder, 'in-use.new'))).toBe(false);
  });

  test.each<[string, object[], string]>([
    ['by its position', [first], 'canary-1'],
    ['by its name', [{ ...first, name: 'canary-eu' }], 'canary-eu'],
    ['as another org', [{ ...first, name: 'canary-eu', headers: { 'X-Molecule-Org-Id': 'org-7' } }], 'canary-eu'],
  ])('takes no token of a slug that another tenant has %s, and leaves the fleet file', async (_, tenants, slug) => {
    write(...tenants);
    const before = readFileSync(file, 'utf8');
    const one = parseSlug(slug);
    const problem = `${slug} in ${file} is another tenant, by its name or its position`;
    await expect(members().storeToken(one, AT_EU, 'hush-other')).rejects.toThrow(problem);
    await expect(members().join(one, AT_EU)).rejects.toThrow(problem);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(existsSync(join(folder, `${slug}.token.new`))).toBe(false);
  });

  test('is never the file that another tenant has its token in', async () => {
    write(
      { ...first, name: 'us', token: { file: 'shared' } },
      { name: 'canary-eu', url: 'https://eu.example', token: { file: 'shared' } },
    );
    writeFileSync(join(folder, 'shared'), 'hush-shared');
    await members().storeToken(EU, AT_EU, 'hush-eu');
    await members().join(EU, AT_EU);
    expect(readFileSync(join(folder, 'shared'), 'utf8')).toBe('hush-shared');
    expect(read()[1].token).toEqual({ file: 'canary-eu.token' });
    write({ ...first, name: 'us', token: { file: './canary-eu.token' } });
    await expect(members().storeToken(EU, AT_EU, 'hush-eu')).rejects.toThrow(
      `canary-eu.token has the token of another tenant of ${file}`,
    );
  });

  test('is a command that reads the token from its input, and has no secret but the one that is named', async () => {
    const seen = join(folder, 'seen');
    await members(`cat > ${seen}; env >> ${seen}; tr '\\0' ' ' < /proc/$$/cmdline >> ${seen}`).storeToken(
      EU,
      AT_EU,
      'hush-eu',
    );
    const text = readFileSync(seen, 'utf8');
    expect(text.match(/hush-eu/g)).toHaveLength(1);
    expect(text).toMatch(/^hush-eu/);
    expect(text).toContain('TENANT=canary-eu');
    expect(text).toContain('SECRET_NAME=TENANT_TOKEN_CANARY_EU');
    expect(text).toContain('VAULT_TOKEN=hush-vault');
    expect(text).not.toMatch(/hush-github|hush-first/);
  });

  test('that a command refuses is named by its exit, without what it printed', async () => {
    await expect(members('cat; exit 3').storeToken(EU, AT_EU, 'hush-eu')).rejects.toThrow(
      /^CANARY_SECRET_COMMAND: exit 3$/,
    );
  });

  test('gets no token if a variable of its command is not set', async () => {
    await expect(members('exit 0', { VAULT_TOKEN: '' }).storeToken(EU, AT_EU, 'hush-eu')).rejects.toThrow(
      'CANARY_SECRET_COMMAND: VAULT_TOKEN of CANARY_SECRET_COMMAND_ENV is not set',
    );
  });
});

describe('joining a fleet file', () => {
  test('waits for a worker that has the variable in which a command keeps the token', async () => {
    const before = readFileSync(file, 'utf8');
    await expect(members('true').join(EU, AT_EU)).rejects.toThrow(
      'TENANT_TOKEN_CANARY_EU is not set in this worker: start it again with the secret',
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    await members('true', { TENANT_TOKEN_CANARY_EU: 'hush' }).join(EU, AT_EU);
    expect(read()).toHaveLength(2);
  });

  test('leaves the file as it is if the fleet with the tenant in it cannot be used', async () => {
    write({ ...first, token: { env: 'GONE' } });
    const before = readFileSync(file, 'utf8');
    await members().storeToken(EU, AT_EU, 'hush-eu');
    await expect(members().join(EU, AT_EU)).rejects.toThrow('GONE is not set');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith('fleet.json.'))
        .filter((name) => name !== 'fleet.json.old'),
    ).toEqual([]);
  });

  test('refuses an address that another tenant has', async () => {
    await members().storeToken(EU, AT_EU, 'hush-eu');
    await expect(members().join(EU, { ...AT_EU, url: 'https://first.example' })).rejects.toThrow(
      `canary-1 in ${file} has the address of canary-eu already`,
    );
  });

  test('keeps what a person wrote of a tenant, and its place', async () => {
    write(
      {
        ...first,
        name: 'canary-eu',
        url: 'https://old.example',
        headers: { 'X-Plain': 'yes', 'X-Molecule-Org-Id': 'org-1' },
        buildProbe: 'none',
      },
      { ...first, name: 'us' },
    );
    await members().storeToken(EU, AT_EU, 'hush-eu');
    await members().join(EU, AT_EU);
    expect(read()[0]).toMatchObject({
      url: 'https://eu.example',
      buildProbe: 'none',
      headers: { 'X-Plain': 'yes', 'X-Molecule-Org-Id': 'org-1' },
    });
    expect(existsSync(`${file}.old`)).toBe(true);
  });

  test('keeps what an editor writes at the same time, and gives up if that does not end', async () => {
    const entry = { name: 'canary-eu', url: 'https://eu.example', token: { env: 'FIRST' } };
    const meanwhile = async () => write(first, { ...first, name: 'us', url: 'https://us.example' });
    await addToFleetFile(file, entry, meanwhile);
    expect(read().map(({ name }: { name: string }) => name)).toEqual(['canary-1', 'us', 'canary-eu']);
    write(first);
    let edits = 0;
    const again = async () => write(first, { ...first, name: `us-${++edits}`, url: 'https://us.example' });
    await expect(addToFleetFile(file, entry, again)).rejects.toThrow('was changed at the same time');
    expect(read()).toHaveLength(2);
  });
});

test.each<[string, Partial<Org> | null, string, string]>([
  ['no such org', null, 'absent', 'the control plane lists no such org'],
  ['no instance', { instance_status: null }, 'new', 'it has no instance yet'],
  ['an empty status', { instance_status: '' }, 'new', 'it has no instance yet'],
  ['any other status', { instance_status: 'waiting\u001b[2J' }, 'coming', 'its instance is waiting\\u001b[2J'],
  ['a running one', { instance_status: 'running' }, 'running', 'its instance runs'],
  ['a failed one', { instance_status: 'failed', instance_error: 'no capacity' }, 'failed', 'no capacity'],
  ['a failed one without a reason', { instance_status: 'failed' }, 'failed', 'the control plane gives no reason'],
])('an org with %s is read as such', (_, given, state, why) => {
  const orgs = given === null ? [] : [{ id: 'org-1', slug: 'canary-eu', instance_status: null, ...given }];
  expect(orgNow(orgs, EU)).toMatchObject({ state, why });
});
