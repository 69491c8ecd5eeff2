import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { TOKEN, useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli-tenants', () => ({ tenants: 2 }));
const folder = mkdtempSync(join(tmpdir(), 'canary-tenants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'fleet.json');
const writeFleet = () => {
  const tenants = gate().tenants.map(({ url }) => ({ url, token: { env: 'TENANT_TOKEN' } }));
  writeFileSync(
    file,
    JSON.stringify({
      tenants: [...tenants, { name: 'third', url: 'http://127.0.0.1:1', token: { env: 'TENANT_TOKEN' } }],
    }),
  );
};
const canary = (args: string[], answer?: string) =>
  run(
    ['tenants', ...args],
    {
      CANARY_LANE: 'cli-tenants',
      CANARY_FLEET_FILE: file,
      TENANT_TOKEN: TOKEN,
      GITHUB_ACTOR: 'ada',
      CANARY_SMOKE_TIMEOUT: '2s',
    },
    answer,
  );
const quarantine = (...args: string[]) => canary(['quarantine', 'canary-2', '--reason', 'its disk is full', ...args]);

let sha: string;
beforeAll(async () => {
  writeFleet();
  await gate().begin(newSha());
  ({ sha } = await gate().greenBuild());
  await awaitRunEnd(await gate().release({ sha }));
  // Temporal lists the end of a run a moment after it.
  await until('the release is listed', async () => (await canary([])).out[0]?.includes(' 1 pass'));
});

describe('canary tenants', () => {
  test('lists the build of each tenant, and what the last releases saw of it', async () => {
    const { code, out } = await canary([]);
    expect(code).toBe(0);
    const seen = `runs ${sha.slice(0, 7)}  1 releases: 1 pass, 0 fail, 0 could not test; `;
    expect(out).toEqual([
      expect.stringMatching(new RegExp(`^canary-1  ${seen}\\d+ ms; unsteady in \\d+, \\d+ interruptions$`)),
      expect.stringMatching(new RegExp(`^canary-2  ${seen}\\d+ ms; unsteady in \\d+, \\d+ interruptions$`)),
      expect.stringMatching(/^third {5}reports no build \(.*\) {2}in no release yet$/),
    ]);
    expect(out.join('\n')).not.toContain(TOKEN);
  });

  test('shows one tenant with its releases, as JSON too', async () => {
    const { out } = await canary(['show', 'canary-1']);
    expect(out.at(-1)).toMatch(new RegExp(`^ {2}\\d{4}-.* ${sha.slice(0, 7)}  pass +\\d+ ms$`));
    const json = JSON.parse((await canary(['show', 'canary-1', '-o', 'json'])).out[0] ?? '');
    expect(json).toMatchObject({
      tenant: 'canary-1',
      build: sha.slice(0, 7),
      quarantine: null,
      releases: [{ verdict: 'pass' }],
    });
  });

  test('checks one tenant, with its build and the exit code of its verdict', async () => {
    const good = await canary(['check', 'canary-1']);
    expect(good).toMatchObject({ code: 0, err: [] });
    expect(good.out).toContain(`  reports build ${sha.slice(0, 7)}`);
    expect(good.out).toContain('  PASS: 6');
    expect((await canary(['check', 'third'])).code).toBe(4);
  });

  test('puts a tenant into quarantine, shows who, why and until when, and takes it back', async () => {
    const put = await quarantine('--until', '48h');
    expect(put).toMatchObject({ code: 0, err: [] });
    expect(put.out[0]).toMatch(/^canary-2 is in quarantine until 20\d\d-/);
    const { out } = await canary([]);
    expect(out[2]).toMatch(/IN QUARANTINE until .*, by ada: its disk is full$/);
    expect(out[3]).toContain('canary tenants unquarantine canary-2 --reason');
    const status = await run(['status'], { CANARY_LANE: 'cli-tenants' });
    expect(status.out.join('\n')).toMatch(/ASIDE {4}canary-2 in quarantine by ada .* ago, until .*: its disk is full/);
    const back = await canary(['unquarantine', 'canary-2', '--reason', 'a new disk']);
    expect(back.out).toEqual(['canary-2 is no longer in quarantine: the next release tests it']);
  });

  test('refuses a quarantine of a name that is no member, and takes it where no fleet can be read', async () => {
    const misspelled = await canary(['quarantine', 'canray-2', '--reason', 'its disk is full']);
    expect(misspelled.code).toBe(2);
    expect(misspelled.err.join()).toContain('no canary tenant "canray-2": expected canary-1, canary-2, third');
    const args = ['tenants', 'quarantine', 'canary-2', '--reason', 'its disk is full'];
    const { code, err } = await run(args, { CANARY_LANE: 'cli-tenants' });
    expect(code).toBe(0);
    expect(err).toEqual([
      'canary: no canary fleet can be read on this machine: canary-2 is not compared with its members',
    ]);
    await canary(['unquarantine', 'canary-2', '--reason', 'a new disk']);
  });

  test('refuses a quarantine of more than 30 days', async () => {
    const { code, err } = await quarantine('--until', new Date(Date.now() + 31 * 24 * 3_600_000).toISOString());
    expect(code).toBe(1);
    expect(err[0]).toContain('quarantine refused: invalid until');
  });

  test.each([
    [['move', 'canary-1'], 'invalid command "move": expected list, show, check, add, quarantine, unquarantine, remove'],
    [['show'], 'tenants show needs the name of a tenant: canary tenants list shows them'],
    [['show', 'canary-9'], 'no canary tenant "canary-9": expected canary-1, canary-2, third'],
    [['show', 'canary-1', '--until', '1h'], '--until is only for quarantine'],
    [['quarantine', 'canary-2', '--until', 'noon', '--reason', 'x'], 'invalid time "noon"'],
  ])('%j is refused as usage', async (args, expected) => {
    const { code, err } = await canary(args);
    expect(code).toBe(2);
    expect(err.join('\n')).toContain(expected);
  });

  test('removes a tenant from the fleet file, keeps the names of the others, and the file before', async () => {
    writeFleet();
    const before = readFileSync(file, 'utf8');
    const asked = await canary(['remove', 'canary-1'], 'n');
    expect(asked).toMatchObject({ code: 1 });
    expect(readFileSync(file, 'utf8')).toBe(before);
    const { code, out } = await canary(['remove', 'canary-1', '--yes']);
    expect({ code, out }).toEqual({
      code: 0,
      out: [`canary-1 is no longer in ${file}: 2 tenants are left; the file before is ${file}.old`],
    });
    const names = JSON.parse(readFileSync(file, 'utf8')).tenants.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['canary-2', 'third']);
    expect(readFileSync(`${file}.old`, 'utf8')).toBe(before);
  });
});
