import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { TestProject } from 'vitest/node';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { atExit } from '../../testbed/process.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { startTemporalServer } from '../../testbed/temporal-server.js';
import { bundleWorkflows, hashOfSources } from '../../workers/bundle.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the dev server. */
    temporal: string;
    /** `host:port` of the registry, and whether it is a real one. */
    registry: { host: string; kind: string };
    /** File of the workflow bundle. */
    bundle: string;
  }
}

/** Starts one dev server, one registry and one workflow bundle for the whole test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-test-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const forget = atExit(removeFolder);
  const [temporal, registry, bundle] = await Promise.all([startTemporalServer(), startRegistry(), bundleFile()]);
  const stop = async () => {
    await Promise.all([temporal.stop(), registry.stop()]);
    forget();
    removeFolder();
  };
  try {
    const connection = await Connection.connect({ address: temporal.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
    project.provide('temporal', temporal.address);
    project.provide('registry', { host: registry.host, kind: registry.kind });
    project.provide('bundle', bundle);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'canary-workflows');
/** Number of bundles that are kept, one for each recent version of the workflows. */
const KEPT = 20;

/** Writes the workflow bundle to a file; bundling takes five seconds, so the file is cached. */
async function bundleFile(): Promise<string> {
  const file = join(CACHE, `${hashOfSources()}.js`);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  const { code } = await bundleWorkflows();
  // Another run may be reading it.
  writeFileSync(`${file}.${process.pid}`, code);
  renameSync(`${file}.${process.pid}`, file);
  const others = readdirSync(CACHE).map((name) => join(CACHE, name));
  const age = (one: string) => statSync(one).mtimeMs;
  for (const one of others.sort((a, b) => age(b) - age(a)).slice(KEPT)) rmSync(one, { force: true });
  return file;
}
