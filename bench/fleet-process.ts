import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTenant } from '../testbed/tenant.js';

export const TOKEN = 'token-of-the-bench';

/** Order to run a build: all tenants now, but with `lastAfterMs` the last one that long after its next request. */
export interface Deploy {
  sha: string;
  lastAfterMs?: number;
}

/** Tenants of the test bed in a separate process, so that their work does not count as the gate's. */
export interface FleetProcess {
  urls: string[];
  /** Resolves to the time at which the last tenant runs it, epoch ms. */
  deploy(order: Deploy): Promise<number>;
  stop(): void;
}

export async function startFleet(count: number): Promise<FleetProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['fleet', String(count)]);
  const answer = async <T>() => ((await once(child, 'message')) as [T])[0];
  return {
    urls: await answer<string[]>(),
    deploy: async (order) => {
      const deployed = answer<number>();
      child.send(order);
      return deployed;
    },
    stop: () => endWhenFree(child),
  };
}

const endWhenFree = (child: ChildProcess) => child.disconnect();

async function serveFleet(count: number): Promise<void> {
  const fleet = await Promise.all(
    Array.from({ length: count }, (_, index) => startTenant({ name: `canary-${index + 1}`, token: TOKEN })),
  );
  const last = fleet.at(-1);
  if (!last) throw new Error('invalid fleet size 0: expected at least one tenant');
  process.on('message', async ({ sha, lastAfterMs }: Deploy) => {
    for (const tenant of fleet) if (tenant !== last || lastAfterMs === undefined) tenant.run({ sha });
    if (lastAfterMs !== undefined) {
      for (const count = last.requests.length; last.requests.length === count; ) await delay(1);
      await delay(lastAfterMs);
      last.run({ sha });
    }
    process.send?.(Date.now());
  });
  // The process ends with its parent.
  process.once('disconnect', () => process.exit(0));
  process.send?.(fleet.map(({ url }) => url));
}

const [, own, role, count] = process.argv;
if (own === fileURLToPath(import.meta.url) && role === 'fleet') await serveFleet(Number(count));
