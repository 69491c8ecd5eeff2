import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { LATEST, type Tag } from '../../src/contract/image.js';
import { emptyLane } from '../../src/lane/state.js';
import { keepLedger, readCopy } from '../../src/ledger/store.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { listTags } from '../../src/registry/list-tags.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readLatest } from '../../src/registry/read-latest.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { startCraneRegistry, startNginx } from '../../testbed/other-registries.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { lacks } from '../support/needs.js';
import { at, errorOf, publish, SHORT } from './support.js';

/** A registry as the gate reaches it, and as the images are pushed. */
interface Bed {
  host: string;
  open: string;
  stop: () => Promise<void>;
}

async function behindNginx(): Promise<Bed> {
  const registry = await startRegistry();
  const front = await startNginx(registry.host);
  return {
    host: front.host,
    open: registry.host,
    stop: () => front.stop().then(registry.stop),
  };
}
const alone = async (started: Promise<{ host: string; stop: () => Promise<void> }>): Promise<Bed> => {
  const { host, stop } = await started;
  return { host, open: host, stop };
};

const BEDS: [string, boolean, () => Promise<Bed>][] = [
  ['distribution 2.8', lacks('docker-registry'), () => alone(startRegistry({ program: 'docker-registry' }))],
  ['crane registry serve', lacks('crane'), () => alone(startCraneRegistry())],
  ['distribution behind nginx with TLS, gzip and no headers', lacks('nginx') || lacks('a real registry'), behindNginx],
];

for (const [name, isMissing, start] of BEDS)
  describe.skipIf(isMissing)(name, () => {
    let bed: Bed;
    let registry: Registry;
    beforeAll(async () => {
      bed = await start();
      registry = createRegistry({
        push: true,
        waits: { ...SHORT, requestMs: 5_000, silenceMs: 5_000, totalMs: 10_000 },
      });
    });
    afterAll(async () => {
      await registry.close();
      await bed.stop();
    });

    test.each(['oci', 'docker'] as const)(
      'an index of %s images is read, checked, moved, read back and named',
      async (kind) => {
        const image = `truth/${kind}`;
        const [build] = await publish(bed.open, [image], kind);
        const repository = at(bed.host, image);
        const manifest = await getManifest(registry, repository, build?.digest as never);
        expect(manifest).toMatchObject({ digest: build?.digest, children: build?.children });
        await requireChildren(registry, manifest);
        await probeWrite(registry, repository);
        expect(await readTag(registry, repository, LATEST)).toBeNull();
        await putTag(registry, manifest, LATEST);
        // Once more, over itself: a rollback does so.
        await putTag(registry, manifest, LATEST);
        expect(await readTag(registry, repository, LATEST)).toBe(build?.digest);
        const { sha, images } = await readLatest(registry, [repository]);
        expect(images).toEqual([{ repository, digest: build?.digest }]);
        expect(`staging-${sha?.slice(0, 7)}`).toBe(build?.tag);
      },
    );

    test('tags are listed, and a tag that is not there is no error', async () => {
      const [build] = await publish(bed.open, ['truth/tags']);
      const { tags, isWhole } = await listTags(registry, at(bed.host, 'truth/tags'));
      expect([tags, isWhole]).toEqual([[build?.tag], true]);
      expect(await readTag(registry, at(bed.host, 'truth/tags'), 'missing' as Tag)).toBeNull();
    });

    test('a manifest that is not there is named as missing', async () => {
      await publish(bed.open, ['truth/gone']);
      const gone = `sha256:${'0'.repeat(64)}` as never;
      expect(await errorOf(getManifest(registry, at(bed.host, 'truth/gone'), gone))).toMatchObject({
        kind: 'not-found',
      });
    });

    test('the copy of the ledger is pushed, replaced and read', async () => {
      const [build] = await publish(bed.open, ['truth/ledger']);
      const repository = at(bed.host, 'truth/ledger');
      const keeper = { registry, lane: parseLane('truth'), repository, keys: null };
      const { ledger } = emptyLane();
      const images = [{ repository, digest: build?.digest ?? null }];
      for (const at of [1_000, 2_000]) {
        expect(await keepLedger(keeper, { ...ledger, expectedLatest: { images, at } })).toBe('kept');
        expect(await readCopy(keeper)).toMatchObject({ generation: at });
      }
    });
  });

describe.skipIf(lacks('nginx') || lacks('a real registry'))('nginx of the test bed', () => {
  test('compresses manifests and takes out the digest, so that its tests prove something', async () => {
    const bed = await behindNginx();
    onTestFinished(() => bed.stop());
    const [build] = await publish(bed.open, ['truth/front']);
    const client = new Agent({ connect: { rejectUnauthorized: false } });
    const { headers, body } = await request(`https://${bed.host}/v2/truth/front/manifests/${build?.tag}`, {
      dispatcher: client,
      headers: { accept: 'application/vnd.oci.image.index.v1+json', 'accept-encoding': 'gzip' },
    });
    await body.dump();
    await client.close();
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers['docker-content-digest']).toBeUndefined();
  });
});
