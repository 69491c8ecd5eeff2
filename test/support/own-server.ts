import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';

/** A Temporal server for one test file. It can be killed, and restarts on the same port with its data. */
export function useOwnServer() {
  const folder = mkdtempSync(join(tmpdir(), 'canary-server-'));
  let dbFile = join(folder, 'temporal.db');
  let server: TemporalServer;
  beforeAll(async () => {
    server = await startTemporalServer({ dbFile });
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    /** `host:port` */
    address: () => server.address,
    /** Its own counters, in the Prometheus format. */
    metricsUrl: () => server.metricsUrl,
    kill: () => server.kill(),
    /** Copies the database of a server that was stopped or killed, as a backup: the next start uses the copy, and the original is gone. */
    restoreCopy(): void {
      for (const name of readdirSync(folder))
        cpSync(join(folder, name), join(folder, name.replace('temporal.db', 'restored.db')));
      for (const name of readdirSync(folder)) if (name.startsWith('temporal.db')) rmSync(join(folder, name));
      dbFile = join(folder, 'restored.db');
    },
    async startAgain(): Promise<void> {
      server = await startTemporalServer({ dbFile, port: Number(server.address.split(':')[1]) });
    },
  };
}
