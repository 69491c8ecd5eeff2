import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { TestProject } from 'vitest/node';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { atExit } from '../../testbed/process.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { gateBundleFile } from './bundles.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of each dev server; `temporalAddress` picks the one of a test process. */
    temporal: string[];
    /** `host:port` of the registry, and whether it is a real one. */
    registry: { host: string; kind: string };
    /** File of the workflow bundle. */
    bundle: string;
  }
}

/** Number of dev servers. Each runs on one core, which takes a quarter less of its time than on two. */
const SERVERS = 2;

async function prepare({ address }: TemporalServer): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '60s' });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  await connection.close();
}

/** Starts the dev servers, the registry and the workflow bundle of the whole test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-test-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const forget = atExit(removeFolder);
  const [registry, bundle, ...servers] = await Promise.all([
    startRegistry(),
    gateBundleFile(),
    ...Array.from({ length: SERVERS }, () => startTemporalServer({ pause: true })),
  ]);
  const stop = async () => {
    await Promise.all([registry, ...servers].map((one) => one.stop()));
    forget();
    removeFolder();
  };
  try {
    await Promise.all(servers.map(prepare));
    project.provide(
      'temporal',
      servers.map(({ address }) => address),
    );
    project.provide('registry', { host: registry.host, kind: registry.kind });
    project.provide('bundle', bundle);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
