import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { bundleWorkflows, hashOfSources } from '../../workers/bundle.js';

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'canary-workflows');
/** Number of bundles that are kept: of each recent version of the workflows, and of those that tests bring. */
const KEPT = 40;

/** File with the workflows of the gate; bundling takes five seconds of a core, so the file is cached. */
export const gateBundleFile = (): Promise<string> => cached(hashOfSources(), bundleWorkflows);

/** The workflows of a file of the tests, for a worker beside that of the gate. */
export async function testBundle(workflowsPath: string): Promise<{ code: string }> {
  const hash = createHash('sha256').update(hashOfSources()).update(readFileSync(workflowsPath)).digest('hex');
  return { code: readFileSync(await cached(hash, () => bundleWorkflowCode({ workflowsPath })), 'utf8') };
}

async function cached(name: string, bundle: () => Promise<{ code: string }>): Promise<string> {
  // What measures coverage needs to know where its lines come from.
  const isMapped = process.env.WORKFLOW_COVERAGE !== undefined;
  const file = join(CACHE, `${name}${isMapped ? '.mapped' : ''}.js`);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  const { code } = await bundle();
  // Another run may be reading it.
  writeFileSync(`${file}.${process.pid}`, isMapped ? code : withoutSourceMap(code));
  renameSync(`${file}.${process.pid}`, file);
  const others = readdirSync(CACHE).map((one) => join(CACHE, one));
  const age = (one: string) => statSync(one).mtimeMs;
  for (const one of others.sort((a, b) => age(b) - age(a)).slice(KEPT)) rmSync(one, { force: true });
  return file;
}

/** The source map is two thirds of the bundle, and a third of the time that a worker takes to start. The SDK wants one, so it gets an empty one. */
function withoutSourceMap(code: string): string {
  const [start = code, rest] = code.split(MAP);
  if (rest === undefined) throw new Error('the workflow bundle has no source map in it any more');
  const map = { version: 3, file: 'workflow-bundle.js', sources: [], names: [], mappings: '' };
  return `${start}${MAP}${Buffer.from(JSON.stringify(map)).toString('base64')}`;
}

const MAP = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
