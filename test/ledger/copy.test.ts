import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { parseLane } from '../../src/contract/ids.js';
import type { Digest, Repository } from '../../src/contract/image.js';
import type { Ledger } from '../../src/contract/lane.js';
import { adopt } from '../../src/lane/commands.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { openCopy, sealCopy } from '../../src/ledger/copy.js';
import { findCopy, type Keeper, keepLedger, ledgerTag, readCopy } from '../../src/ledger/store.js';
import { fileInLayer, tarOf } from '../../src/ledger/tar.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { createRegistry } from '../../src/registry/registry.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type Answer, ociError } from '../../testbed/registry-store.js';
import { ATTRIBUTION, laneAt, NOON, promote, run, shaOf } from '../lane/lane-support.js';
import { at, publish, SHORT } from '../registry/support.js';

const keysOf = (id: string) => parsePayloadKeys(`${id}:${randomBytes(32).toString('base64')}`);
const KEYS = keysOf('one');
const lane = parseLane('');

/** Ledger in which build b was rolled back from, with texts of people. */
function ledgerOf(later = 0) {
  const state = laneAt('a');
  promote(state, 'b', 'a', NOON + later);
  const secret = { by: 'ada.lovelace', reason: 'the invoices are wrong' };
  beginRollback(state, { ...run('a', { runId: 'back' }), force: false, ...secret }, NOON);
  state.ledger.pause = { by: 'ada.lovelace', why: 'the invoices are wrong', since: 'now' };
  const until = new Date(NOON + 86_400_000).toISOString();
  state.ledger.quarantines = [
    { tenant: 'invoices-eu', by: 'ada.lovelace', why: 'the invoices are wrong', since: 'now', until },
  ];
  state.ledger.drift = {
    expectedAt: NOON,
    moved: [],
    missing: [{ sha: shaOf('a'), repository: 'registry.example/platform' as Repository, text: 'invoices' }],
  };
  state.ledger.verdicts = [
    { sha: shaOf('c'), verdict: 'RED', failed: ['invoices: ada.lovelace'], runId: 'x', at: 'now' },
  ];
  return state.ledger;
}

describe('the text of a copy', () => {
  const owner = { lane, repository: 'registry.example/platform' as Repository };
  const signed = sealCopy(ledgerOf(), owner, KEYS);

  test('keeps builds, moves, marks and verdicts, and nothing that people wrote', () => {
    const { ledger, isSigned, generation } = openCopy(signed, owner, KEYS, NOON);
    expect(isSigned).toBe(true);
    expect(generation).toBe(NOON);
    expect(ledger.knownBad.map(({ sha, digests }) => [sha, digests])).toEqual(
      ledgerOf().knownBad.map(({ sha, digests }) => [sha, digests]),
    );
    expect(ledger).toMatchObject({ order: ledgerOf().order, verdicts: [{ sha: shaOf('c'), verdict: 'RED' }] });
    for (const said of ['ada', 'invoices', ATTRIBUTION.reason]) expect(signed).not.toContain(said);
  });

  test.each<[string, string, RegExp]>([
    ['that was changed', signed.replaceAll(shaOf('b'), shaOf('d')), /its signature is wrong/],
    ['without a signature', sealCopy(ledgerOf(), owner, null), /no payload key of this gate signed it/],
    ['of another key', sealCopy(ledgerOf(), owner, keysOf('other')), /no payload key/],
    ['of another key of the same name', sealCopy(ledgerOf(), owner, keysOf('one')), /its signature is wrong/],
    ['of another lane', sealCopy(ledgerOf(), { ...owner, lane: 'blue' }, KEYS), /it is the ledger of lane/],
    [
      'of another repository',
      sealCopy(ledgerOf(), { ...owner, repository: 'registry.example/staging' as Repository }, KEYS),
      /it is the ledger of lane/,
    ],
    ['of nothing', '', /no payload key/],
  ])('does not count with a key: one %s', (_what, text, why) => {
    expect(() => openCopy(text, owner, KEYS, NOON)).toThrow(why);
  });

  test('counts without a key as unsigned, if its shape is right', () => {
    expect(openCopy(sealCopy(ledgerOf(), owner, null), owner, null, NOON).isSigned).toBe(false);
    expect(openCopy(signed, owner, null, NOON).isSigned).toBe(false);
    expect(() => openCopy('{"kind":"canary-ledger","version":2}', owner, null, NOON)).toThrow(/it is of version 2/);
    expect(() => openCopy(signed.replace('"history":[', '"history":[7,'), owner, null, NOON)).toThrow(/cannot be read/);
  });

  test('of a move that is yet to come does not count; clocks may differ by five minutes', () => {
    expect(openCopy(signed, owner, KEYS, NOON - 4 * 60_000)).toMatchObject({ generation: NOON });
    expect(() => openCopy(signed, owner, KEYS, NOON - 6 * 60_000)).toThrow(
      /is of 2026-11-25T12:00:00.000Z, later than now/,
    );
  });

  test('whose number is not the time of its last move does not count', () => {
    const forged = sealCopy(ledgerOf(), owner, null).replace(`"generation":${NOON}`, '"generation":1');
    expect(() => openCopy(forged, owner, null, NOON)).toThrow(/its number 1 is not the time of its last move/);
  });
});

describe('a layer', () => {
  test('with one file is read back, however long that is', () => {
    for (const length of [1, 511, 512, 513, 200_000]) {
      const content = randomBytes(length);
      const read = fileInLayer(gzipSync(tarOf('ledger.json', content)), 'ledger.json');
      // Compared as bytes: one by one, that takes a second.
      expect(content.equals(read)).toBe(true);
    }
  });

  test.each<[string, Buffer]>([
    ['that is not compressed', tarOf('ledger.json', Buffer.from('x'))],
    ['that would fill the memory', gzipSync(Buffer.alloc(64 * 1024 * 1024))],
    ['of another file', gzipSync(tarOf('other.json', Buffer.from('x')))],
    ['that is cut', gzipSync(tarOf('ledger.json', Buffer.alloc(4_000)).subarray(0, 2_000))],
    ['of nothing', gzipSync(Buffer.alloc(0))],
  ])('%s is refused', (_what, layer) => {
    expect(() => fileInLayer(layer, 'ledger.json')).toThrow(/its layer/);
  });
});

describe('a copy in a registry', () => {
  let server: MemoryRegistry;
  let registry: Registry;
  beforeAll(async () => {
    server = await startMemoryRegistry();
    registry = createRegistry({ push: true, waits: SHORT });
  });
  afterAll(async () => {
    expect(server.unforeseen).toEqual([]);
    await registry.close();
    await server.stop();
  });

  /** Keeper of a new repository. */
  let nth = 0;
  async function keeper(): Promise<Keeper> {
    nth += 1;
    return { registry, lane, repository: at(server.host, `acme/image-${nth}`), keys: KEYS, now: NOON + 60_000 };
  }

  test.each(['oci', 'docker'] as const)('is an ordinary image of the media types of the others: %s', async (kind) => {
    const own = await keeper();
    const [build] = await publish(server.host, [`acme/image-${nth}`], kind);
    const images = [{ repository: own.repository, digest: build?.digest ?? null }];
    expect(await readCopy(own)).toBeNull();
    expect(await keepLedger(own, { ...ledgerOf(), expectedLatest: { images, at: NOON } })).toBe('kept');
    const { mediaType } = await getManifest(registry, own.repository, ledgerTag(lane));
    expect(mediaType).toContain(kind === 'oci' ? 'vnd.oci.image.manifest' : 'vnd.docker.distribution.manifest.v2');
    expect(await readCopy(own)).toMatchObject({
      generation: NOON,
      isSigned: true,
      ledger: { knownBad: [{ sha: shaOf('b') }] },
    });
  });

  test('is replaced by a newer one, and never by an older one; what does not count is replaced', async () => {
    const own = await keeper();
    await keepLedger({ ...own, keys: null }, ledgerOf(9_000));
    expect(await keepLedger(own, ledgerOf(2_000))).toBe('kept');
    // A worker that was frozen before its write.
    expect(await keepLedger(own, ledgerOf(1_000))).toBe('newer');
    expect(await readCopy(own)).toMatchObject({ generation: NOON + 2_000 });
    expect(await keepLedger(own, ledgerOf(3_000))).toBe('kept');
    expect(await readCopy(own)).toMatchObject({ generation: NOON + 3_000 });
  });

  /** The lane of a ledger after one more adoption. */
  function adoptedIn(ledger: Ledger, later: number): Ledger {
    const state = { ...laneAt('a'), ledger: structuredClone(ledger) };
    adopt(state, [], shaOf('d'), ATTRIBUTION, NOON + later);
    return state.ledger;
  }

  test('of moves that a restored backup lacks is replaced, and its known-bad builds are told, once', async () => {
    const own = await keeper();
    await keepLedger(own, ledgerOf(1_000));
    const backup = { ...laneAt('a').ledger };
    const restored = adoptedIn(backup, 2_000);
    expect(await keepLedger(own, restored)).toEqual({ lost: [shaOf('b'), shaOf('c')] });
    expect(await keepLedger(own, adoptedIn(restored, 3_000))).toBe('kept');
  });

  test('that a lane never read, which began empty, is not replaced without a word', async () => {
    const own = await keeper();
    await keepLedger(own, ledgerOf(1_000));
    expect(await keepLedger(own, adoptedIn(emptyLane().ledger, 2_000))).toEqual({ lost: [shaOf('b'), shaOf('c')] });
  });

  test('with a mark that a person took off since is replaced without a word', async () => {
    const own = await keeper();
    const ledger = ledgerOf(1_000);
    await keepLedger(own, ledger);
    expect(await keepLedger(own, adoptedIn({ ...ledger, knownBad: [] }, 2_000))).toBe('kept');
    expect(await readCopy(own)).toMatchObject({ generation: NOON + 2_000, ledger: { knownBad: [] } });
  });

  test('is found in any repository of the gate, the newest first, and what does not count is told', async () => {
    const [one, two, three] = [await keeper(), await keeper(), await keeper()];
    await keepLedger(one, ledgerOf(1_000));
    await keepLedger(two, ledgerOf(2_000));
    await keepLedger({ ...three, keys: null }, ledgerOf(9_000));
    const repositories = [one, two, three].map(({ repository }) => repository);
    const { copy, problems } = await findCopy({ registry, lane, keys: KEYS, now: NOON, repositories });
    expect(copy).toMatchObject({ generation: NOON + 2_000 });
    expect(problems).toEqual([
      `${three.repository}:canary-ledger: no payload key of this gate signed it (is its key still in CANARY_PAYLOAD_KEY_FILE?)`,
    ]);
  });

  test('is not answered for by a registry that refuses, or to which the login cannot be read; it is by one whose copy does not count', async () => {
    const own = await keeper();
    const repositories = [own.repository];
    expect(await findCopy({ ...own, repositories })).toEqual({ copy: null, problems: [], isAnswered: true });
    await keepLedger({ ...own, keys: null }, ledgerOf(1_000));
    expect(await findCopy({ ...own, repositories })).toMatchObject({ copy: null, isAnswered: true });
    const end = server.faults.add({
      match: ({ method, path }) => method === 'GET' && path.endsWith('/manifests/canary-ledger'),
      respond: () => ({
        ...ociError(401, 'UNAUTHORIZED', 'who is it?'),
        headers: { 'www-authenticate': 'Basic realm="test"' },
      }),
    });
    expect(await findCopy({ ...own, repositories })).toMatchObject({ copy: null, isAnswered: false });
    const loginless = createRegistry({
      waits: SHORT,
      credentials: async () => {
        throw new InvalidInput('the login cannot be read');
      },
    });
    expect(await findCopy({ ...own, registry: loginless, repositories }).finally(end)).toMatchObject({
      problems: [expect.stringContaining('the login cannot be read')],
      isAnswered: false,
    });
    await loginless.close();
  });

  test('of a move that is yet to come stops no later one from being kept, and is told', async () => {
    const own = await keeper();
    const YEAR_MS = 365 * 24 * 3_600_000;
    await keepLedger({ ...own, now: NOON + YEAR_MS }, ledgerOf(YEAR_MS));
    const { copy, problems } = await findCopy({ ...own, repositories: [own.repository] });
    expect({ copy, problems }).toEqual({ copy: null, problems: [expect.stringContaining('later than now')] });
    expect(await keepLedger(own, ledgerOf(1_000))).toBe('corrected');
    expect(await readCopy(own)).toMatchObject({ generation: NOON + 1_000 });
    expect(await keepLedger(own, ledgerOf(2_000))).toBe('kept');
  });

  test.each<[string, (path: string) => boolean, Answer]>([
    ['whose layer is gone', (path) => path.includes('/blobs/sha256:'), ociError(404, 'BLOB_UNKNOWN', 'gone')],
    [
      'whose layer is other bytes',
      (path) => path.includes('/blobs/sha256:'),
      { status: 200, headers: {}, body: Buffer.from('x') },
    ],
    [
      'whose tag has something else',
      (path) => path.endsWith('/manifests/canary-ledger'),
      { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') },
    ],
  ])('%s is replaced', async (_what, isBroken, answer) => {
    const own = await keeper();
    await keepLedger(own, ledgerOf(1_000));
    const end = server.faults.add({
      match: ({ method, path }) => method === 'GET' && isBroken(path),
      respond: () => answer,
    });
    const { problems } = await findCopy({ ...own, repositories: [own.repository] });
    expect(await keepLedger(own, ledgerOf(2_000)).finally(end)).toBe('kept');
    expect(problems).toHaveLength(1);
    expect(await readCopy(own)).toMatchObject({ generation: NOON + 2_000 });
  });

  test('is kept although the image at :latest is gone', async () => {
    const own = await keeper();
    const images = [{ repository: own.repository, digest: `sha256:${'0'.repeat(64)}` as Digest }];
    expect(await keepLedger(own, { ...ledgerOf(), expectedLatest: { images, at: NOON } })).toBe('kept');
  });

  test('goes to no other host: an upload that the registry sends elsewhere is refused', async () => {
    const own = await keeper();
    const end = server.faults.add({
      match: ({ method, path }) => method === 'POST' && path.endsWith('/blobs/uploads/'),
      respond: (_request, serve) => ({ ...serve(), headers: { location: 'https://elsewhere.example/upload' } }),
    });
    await expect(keepLedger(own, ledgerOf())).rejects.toThrow(/goes to another host/);
    end();
    expect(await readCopy(own)).toBeNull();
  });
});
