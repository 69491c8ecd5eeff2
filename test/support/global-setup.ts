import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { TestProject } from 'vitest/node';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { atExit } from '../../testbed/process.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { bundleWorkflows, hashOfSources } from '../../workers/bundle.js';

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
    bundleFile(),
    ...Array.from({ length: SERVERS }, () => startTemporalServer()),
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

/** The source map is two thirds of the bundle, and a third of the time that a worker takes to start. The SDK wants one, so it gets an empty one. */
function withoutSourceMap(code: string): string {
  const [start = code, rest] = code.split(MAP);
  if (rest === undefined) throw new Error('the workflow bundle has no source map in it any more');
  const map = { version: 3, file: 'workflow-bundle.js', sources: [], names: [], mappings: '' };
  return `${start}${MAP}${Buffer.from(JSON.stringify(map)).toString('base64')}`;
}

const MAP = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
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
  writeFileSync(`${file}.${process.pid}`, withoutSourceMap(code));
  renameSync(`${file}.${process.pid}`, file);
  const others = readdirSync(CACHE).map((name) => join(CACHE, name));
  const age = (one: string) => statSync(one).mtimeMs;
  for (const one of others.sort((a, b) => age(b) - age(a)).slice(KEPT)) rmSync(one, { force: true });
  return file;
}
