import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.js';
import { parseLane } from '../../src/contract/ids.js';
import { stagingTag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { record } from '../../src/lane/ledger.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { keepLedger } from '../../src/ledger/store.js';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { at } from '../registry/support.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const NAMES = ['acme/platform', 'acme/platform-tenant'];
const lane = parseLane('');
const keyText = `one:${randomBytes(32).toString('base64')}`;
const KEYS = parsePayloadKeys(keyText);
const folder = mkdtempSync(join(tmpdir(), 'canary-copy-'));
const CANARY_PAYLOAD_KEY_FILE = join(folder, 'keys');
writeFileSync(CANARY_PAYLOAD_KEY_FILE, keyText);

let server: MemoryRegistry;
let registry: Registry;
/** Three builds that went live one after the other; the last one is. The second was rolled back from before. */
const [old, bad, live] = [newSha(), newSha(), newSha()].map(parseSha) as [
  ReturnType<typeof parseSha>,
  ReturnType<typeof parseSha>,
  ReturnType<typeof parseSha>,
];
let ledger: LaneState['ledger'];

beforeAll(async () => {
  server = await startMemoryRegistry();
  registry = createRegistry({ push: true });
  const state = emptyLane();
  for (const [index, sha] of [old, bad, live].entries()) {
    const images = await Promise.all(
      NAMES.map(async (repository) => {
        const { digest } = await pushBuild({ registry: server.host, repository, tag: stagingTag(sha), sha });
        return { repository: at(server.host, repository), digest: digest as never };
      }),
    );
    const entry = { kind: 'promotion', by: 'ada', reason: 'green', images } as const;
    record(state.ledger, { ...entry, sha, at: new Date(index).toISOString() });
    state.ledger.expectedLatest = { images, at: index + 1 };
    if (sha === bad)
      beginRollback(
        state,
        { workflowId: 'x', runId: 'y', sha: old, force: false, by: 'ada', reason: 'it burns' },
        Date.UTC(2026, 1, 1),
      );
  }
  ledger = state.ledger;
  for (const repository of NAMES)
    await retag({ registry: server.host, repository, from: stagingTag(live), to: 'latest' });
});
afterAll(async () => {
  expect(server.unforeseen).toEqual([]);
  await registry.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Rolls back while nothing of Temporal is left. */
const direct = (args: string[], env: Record<string, string> = {}) => rollBack([...args, '--direct'], env);

async function rollBack(args: string[], env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(['rollback', ...args, '--reason', 'it burns', '--by', 'ada'], {
    env: {
      TEMPORAL_ADDRESS: '127.0.0.1:9',
      CANARY_IMAGES: NAMES.map((name) => `${server.host}/${name}`).join(','),
      ...env,
    },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: async () => '',
    ask: async () => 'yes',
    isTerminal: false,
    signal: new AbortController().signal,
  });
  return { code, out, err: err.join('\n') };
}
const latest = () => tagDigest(server.host, NAMES[0] as string, 'latest');
const digestOf = (sha: string) => tagDigest(server.host, NAMES[0] as string, stagingTag(parseSha(sha)));
const keep = (keys: typeof KEYS | null, kept = ledger) =>
  keepLedger({ registry, lane, repository: at(server.host, NAMES[0] as string), keys }, kept);

describe('rollback --direct with a copy of the ledger', () => {
  beforeEach(async () => {
    for (const repository of NAMES)
      await retag({ registry: server.host, repository, from: stagingTag(live), to: 'latest' });
  });

  test('says that there is none, and goes on', async () => {
    const { code, err } = await direct([live, '--force']);
    expect(code, err).toBe(0);
    expect(err).toContain(
      'the registry has no copy of the ledger: neither known-bad builds nor those that were never live are checked',
    );
  });

  test('refuses a known-bad build without force, and names the previous good one', async () => {
    await keep(KEYS);
    const refused = await direct([bad], { CANARY_PAYLOAD_KEY_FILE });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`${live} is live, the previous good build is ${old}`);
    expect(refused.err).toMatch(new RegExp(`${bad} was rolled back on 2026-02-01.*nothing was moved`));
    expect(await latest()).toBe(await digestOf(live));
    const forced = await direct([bad, '--force'], { CANARY_PAYLOAD_KEY_FILE });
    expect(forced.code, forced.err).toBe(0);
    expect(forced.err).toMatch(new RegExp(`canary: warning: ${bad} was rolled back on 2026-02-01`));
    expect(await latest()).toBe(await digestOf(bad));
  });

  test('refuses a build that was never live here without force, and not an adopted one', async () => {
    const [never, adopted] = [newSha(), newSha()].map(parseSha) as [typeof old, typeof old];
    const images = [];
    for (const sha of [never, adopted])
      for (const name of NAMES) {
        const { digest } = await pushBuild({ registry: server.host, repository: name, tag: stagingTag(sha), sha });
        if (sha === adopted) images.push({ repository: at(server.host, name), digest: digest as never });
      }
    const entry = { kind: 'adopted', sha: null, by: 'ada', reason: 'as it was', images } as const;
    const history = [{ ...entry, at: '1969-12-31T23:59:59.000Z' }, ...ledger.history];
    await keep(KEYS, { ...ledger, history });
    const refused = await direct([never], { CANARY_PAYLOAD_KEY_FILE });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`${never} was never promoted here: nothing was moved (--force moves anyway)`);
    expect(await latest()).toBe(await digestOf(live));
    const forced = await direct([never, '--force'], { CANARY_PAYLOAD_KEY_FILE });
    expect(forced.code, forced.err).toBe(0);
    expect(forced.err).toContain(`canary: warning: ${never} was never promoted here`);
    expect(await latest()).toBe(await digestOf(never));
    const back = await direct([adopted], { CANARY_PAYLOAD_KEY_FILE });
    expect(back.code, back.err).toBe(0);
    expect(await latest()).toBe(await digestOf(adopted));
  });

  test('names an image of the build that is not one of CANARY_IMAGES, and leaves it where it is', async () => {
    const removed = at(server.host, 'acme/removed');
    const history = ledger.history.map((entry) => ({
      ...entry,
      images: [...entry.images, { repository: removed, digest: `sha256:${'a'.repeat(64)}` as never }],
    }));
    await keep(KEYS, { ...ledger, history });
    const dry = await direct([old, '--dry-run', '--json'], { CANARY_PAYLOAD_KEY_FILE });
    expect([dry.code, JSON.parse(dry.out[0] ?? '').notMoved]).toEqual([0, [removed]]);
    for (const force of [[], ['--force']]) {
      const { code, out, err } = await direct([old, ...force], { CANARY_PAYLOAD_KEY_FILE });
      expect(code, err).toBe(0);
      expect(err).toContain(`canary: warning: ${removed} stays where it is: it is not one of CANARY_IMAGES`);
      expect(JSON.parse(out[0] ?? '').notMoved).toEqual([removed]);
    }
    expect(await latest()).toBe(await digestOf(old));
  });

  test('by force waits for nothing that only informs, and tells it when it is there', async () => {
    const [platform = ''] = NAMES;
    let putsUntil = 0;
    const isLate = ({ method, path }: { method: string; path: string }) =>
      method === 'HEAD' || path.endsWith('/canary-ledger');
    const remove = server.faults.add({
      match: isLate,
      respond: async ({ method, path }, serve) => {
        await until('both images are written', () => puts() === before + 2);
        putsUntil += 1;
        // A platform of the build is gone.
        return method === 'HEAD' && path.includes(`/${platform}/`)
          ? ociError(404, 'MANIFEST_UNKNOWN', 'gone')
          : serve();
      },
    });
    const gone = server.faults.add({
      match: ({ method, path }) => method === 'GET' && path.includes(`/${platform}/manifests/sha256:`),
      respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'gone'),
    });
    const puts = () => server.requests.filter(isPut()).length;
    const before = puts();
    const { code, err } = await direct([old, '--force']);
    remove();
    gone();
    expect(code, err).toBe(0);
    expect(putsUntil).toBeGreaterThan(2);
    expect(err).toContain('by the copy of the ledger');
    expect(err).toMatch(/canary: warning: .*acme\/platform, index sha256:.*: platform missing: sha256:/);
    expect(await latest()).toBe(await digestOf(old));
  });

  test('opens no upload: what the credentials may write, a PUT tells', async () => {
    const isUpload = ({ path }: { path: string }) => path.includes('/blobs/uploads/');
    const before = server.requests.filter(isUpload).length;
    expect((await direct([old, '--force'])).code).toBe(0);
    expect(server.requests.filter(isUpload).length).toBe(before);
  });

  test('without a sha moves to the previous good build, by the digests of a signed copy', async () => {
    await keep(KEYS);
    const before = await digestOf(old);
    // Its tag was pushed again since.
    await retag({ registry: server.host, repository: NAMES[0] as string, from: stagingTag(live), to: stagingTag(old) });
    const { code, err } = await direct(['--yes', '--force'], { CANARY_PAYLOAD_KEY_FILE });
    expect(code, err).toBe(0);
    expect(await latest()).toBe(before);
    await retag({ registry: server.host, repository: NAMES[0] as string, from: 'latest', to: stagingTag(old) });
  });

  test('with a key lets no copy count that it did not sign; without one it says so', async () => {
    await keep(null);
    const { code, err } = await direct([bad, '--force'], { CANARY_PAYLOAD_KEY_FILE });
    expect(code, err).toBe(0);
    expect(err).toContain('a copy of the ledger does not count');
    expect(err).toContain('no payload key of this gate signed it');
    expect(err).not.toContain('is live');
    const without = await direct([old, '--force']);
    expect(without.err).toContain('not signed: anyone who may write to the registry may have made it');
    expect(without.err).toContain(`${live} is live`);
  });

  test('does not depend on the key, nor on the registry to give it', async () => {
    await keep(KEYS);
    const noKey = await direct([old], { CANARY_PAYLOAD_KEY_FILE: join(folder, 'none') });
    expect(noKey.code, noKey.err).toBe(0);
    expect(noKey.err).toContain('is read as one that is not signed');
    const badNoKey = await direct([bad], { CANARY_PAYLOAD_KEY_FILE: join(folder, 'none') });
    expect(badNoKey.code).toBe(1);
    expect(badNoKey.err).toContain(`${bad} was rolled back`);
  });

  test('refuses without force if there is a copy that cannot be used: it may name the build as known-bad', async () => {
    await keep(KEYS);
    const end = server.faults.add({
      match: ({ method, path }) => method === 'GET' && path.includes('/blobs/'),
      respond: () => 'drop',
    });
    const before = await latest();
    const refused = await direct([bad]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('known-bad builds may be missed: nothing was moved (--force moves anyway)');
    expect(await latest()).toBe(before);
    const noBlob = await direct([old, '--force']);
    end();
    expect(noBlob.code, noBlob.err).toBe(0);
    expect(noBlob.err).toContain('a copy of the ledger does not count');
  });
});

describe('rollback --dry-run without Temporal', () => {
  const [foreign, other] = [newSha(), newSha()].map(parseSha) as [typeof old, typeof old];
  const why = () => `${at(server.host, NAMES[0] as string)} says that it was built from ${other}, not from ${foreign}`;
  beforeAll(async () => {
    for (const name of NAMES)
      await pushBuild({ registry: server.host, repository: name, tag: stagingTag(foreign), sha: other });
  });

  test('is refused where the registry has something against the build, as text and as JSON, unless it is forced', async () => {
    const before = await latest();
    const refused = await rollBack([foreign, '--dry-run']);
    expect(refused.code).toBe(1);
    expect(refused.out.at(-3)).toContain(`would be REFUSED: ${why()}`);
    expect(refused.out.at(-2)).toBe(`canary rollback ${foreign} --force --reason …`);
    const json = await rollBack([foreign, '--dry-run', '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out[0] ?? '').refused).toContain(why());
    const forced = await rollBack([foreign, '--dry-run', '--force']);
    expect([forced.code, forced.out.at(-2)]).toEqual([0, expect.stringContaining(`forced, although: ${why()}`)]);
    expect(await latest()).toBe(before);
  });

  test('is refused with --direct by the copy of the ledger too', async () => {
    await keep(KEYS);
    const before = await latest();
    const env = { CANARY_PAYLOAD_KEY_FILE };
    for (const [sha, cause] of [
      [bad, 'was rolled back on 2026-02-01'],
      [foreign, 'was never promoted here'],
    ] as const) {
      const refused = await direct([sha, '--dry-run'], env);
      expect(refused.code, refused.err).toBe(1);
      expect(refused.out.at(-3)).toContain(`would be REFUSED: ${sha} ${cause}`);
      expect(refused.out.at(-2)).toBe(`canary rollback ${sha} --direct --force --reason …`);
    }
    const passed = await direct([old, '--dry-run', '--json'], env);
    expect([passed.code, JSON.parse(passed.out[0] ?? '').refused]).toEqual([0, []]);
    expect(await latest()).toBe(before);
  });
});
