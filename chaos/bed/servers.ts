import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { startFaultProxy } from './fault-proxy.js';
import { workerHosts } from './hosts.js';

/** Servers that all runs share; each run has a lane and images of its own. */
export type Servers = Awaited<ReturnType<typeof startServers>>;

/** Starts Temporal's dev server, with a database file, and a registry behind a proxy with faults. */
export async function startServers() {
  const folder = mkdtempSync(join(tmpdir(), 'canary-chaos-'));
  const dbFile = join(folder, 'temporal.db');
  const [first, registry] = await Promise.all([startTemporalServer({ dbFile }), startRegistry()]);
  let temporal: TemporalServer | null = first;
  const { address } = first;
  const proxy = await startFaultProxy(registry.host);
  const hosts = workerHosts(folder);
  const connection = await Connection.connect({ address });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  let starting: Promise<void> | null = null;
  const start = async () => {
    temporal ??= await startTemporalServer({ dbFile, port: Number(address.split(':')[1]) });
  };
  const startTemporal = () => {
    starting ??= start().finally(() => {
      starting = null;
    });
    return starting;
  };
  return {
    folder,
    /** `host:port` of Temporal; the same after a restart. */
    address,
    registry: registry.kind,
    proxy,
    /** Worker processes, which one run has after the other. */
    hosts,
    client: new Client({ connection }),
    /** Kills Temporal, as a crash would. */
    async killTemporal(): Promise<void> {
      const running = temporal;
      temporal = null;
      await running?.kill();
    },
    /** Stops Temporal where it is. @returns what resumes it, unless it was killed meanwhile. */
    freezeTemporal(): () => void {
      const frozen = temporal;
      if (frozen === null) throw new Error('does not apply: Temporal is away');
      process.kill(frozen.pid, 'SIGSTOP');
      return () => {
        if (temporal === frozen) process.kill(frozen.pid, 'SIGCONT');
      };
    },
    /** Starts Temporal on its database if it does not run. */
    startTemporal,
    stop: async () => {
      await connection.close();
      await Promise.all([hosts.stop(), temporal?.stop(), proxy.stop()]);
      await registry.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Time limit for what usually takes a moment, in milliseconds, on a loaded machine. */
const SOON_MS = 60_000;

/** Tries again what a loaded machine did not do in time. */
export async function withRetries(work: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + SOON_MS; ; await delay(200))
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
}
