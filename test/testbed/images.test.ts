import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImageKind, pullBuild, pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { startRegistry } from '../../testbed/registry-server.js';

const SHA = '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31';
const CRANE = '.tools/crane';

describe('images of the test bed', () => {
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  const repository = 'molecule-ai/platform';

  beforeAll(async () => {
    registry = await startRegistry();
  }, 30_000);

  afterAll(async () => {
    await registry.stop();
  });

  const push = (tag: string, kind: ImageKind = 'oci', misbehave = 'memory-search') =>
    pushBuild({ registry: registry.host, repository, tag, sha: SHA, misbehave, kind });

  it.each<ImageKind>(['oci', 'docker'])(
    'a pushed %s build is read back with its digest and its labels',
    async (kind) => {
      const pushed = await push(`staging-${kind}`, kind);
      expect(pushed.children).toHaveLength(2);
      expect(await tagDigest(registry.host, repository, `staging-${kind}`)).toBe(pushed.digest);
      for (const platform of ['linux/amd64', 'linux/arm64']) {
        const pulled = await pullBuild({ registry: registry.host, repository, tag: `staging-${kind}`, platform });
        expect(pulled).toEqual({ digest: pushed.digest, sha: SHA, misbehave: 'memory-search' });
      }
    },
  );

  it('the same build has the same digest each time, another one has not', async () => {
    const first = await push('staging-one');
    expect(await push('staging-two')).toEqual(first);
    expect((await push('staging-three', 'oci', 'hang')).digest).not.toBe(first.digest);
  });

  it('retag moves a tag to the same bytes, and leaves the one it came from', async () => {
    const { digest } = await push('staging-retag');
    expect(await retag({ registry: registry.host, repository, from: 'staging-retag', to: 'canary' })).toBe(digest);
    expect(await tagDigest(registry.host, repository, 'canary')).toBe(digest);
    expect(await tagDigest(registry.host, repository, 'staging-retag')).toBe(digest);
  });

  it('a tag that does not exist has no digest', async () => {
    expect(await tagDigest(registry.host, repository, 'nowhere')).toBeUndefined();
    expect(await pullBuild({ registry: registry.host, repository, tag: 'nowhere' })).toBeUndefined();
  });

  it.skipIf(!existsSync(CRANE))('crane takes it for a valid image', async () => {
    const { digest } = await push('staging-crane');
    const crane = (...args: string[]) => promisify(execFile)(CRANE, args);
    const image = `${registry.host}/${repository}:staging-crane`;
    expect((await crane('digest', image)).stdout.trim()).toBe(digest);
    expect((await crane('validate', '--remote', image)).stdout).toContain('PASS');
  });
});
