import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Lane } from '../src/contract/ids.js';
import { type Digest, parseDigest } from '../src/contract/image.js';
import { laneCommandUpdate } from '../src/contract/messages.js';
import type { TagState } from '../src/contract/move.js';
import { atMost } from '../src/move/at-most.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { pushBuild } from '../testbed/images.js';

/** Lanes that begin at a time, and the longest that one may take, in milliseconds: a worker that starts takes a while. */
const AT_ONCE = 8;
const DEADLINE_MS = 300_000;

/** Pushes a build and an earlier `:latest` of a gate. @returns the digest of that. */
export async function publish(registry: string, repository: string, sha: string): Promise<Digest> {
  const spec = { registry, repository };
  const { digest } = await pushBuild({ ...spec, sha: `0000001${'a'.repeat(33)}`, tag: 'latest' });
  await pushBuild({ ...spec, sha, tag: `staging-${sha.slice(0, 7)}` });
  return parseDigest(digest);
}

const paced = atMost(AT_ONCE, DEADLINE_MS);

/** Adopts what is live, and waits until the lane serves: one that begins lists what was before it, and a list lags on a busy server. */
export const adopt = (client: Client, lane: Lane, image: TagState): Promise<void> =>
  paced(async () => {
    const serving = laneClient(client, lane);
    const adoption = { by: 'bench', reason: 'first day', images: [image] };
    for (const deadline = Date.now() + DEADLINE_MS; ; await delay(1_000))
      try {
        await serving.update(laneCommandUpdate('adopt'), adoption);
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
  });
