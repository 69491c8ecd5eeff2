import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const MAP = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';

/**
 * Measures workflow code, which runs from a bundle in threads of the SDK: `test/support/workflow-coverage.cjs` writes down what they count.
 * @param {{ root: string, folder: string, modules: string }} place folder for the counts; packages of `setup/measure.mjs`
 * @param {(env: Record<string, string>) => number | null} run runs the tests
 * @returns {Promise<{ status: number | null, files: import('istanbul-lib-coverage').FileCoverageData[] }>}
 */
export async function measureWorkflows({ root, folder, modules }, run) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const status = run({ WORKFLOW_COVERAGE: folder });
  const of = (name) => import(pathToFileURL(join(modules, name)).href);
  const { mergeScriptCovs } = (await of('@bcoe/v8-coverage/src/lib/index.js')).default;
  const { convert } = await of('ast-v8-to-istanbul/dist/index.mjs');
  const { parseAst } = await import('vitest/node');
  const url = pathToFileURL(newestBundle(root));
  const code = readFileSync(url, 'utf8');
  const sourceMap = JSON.parse(Buffer.from(code.split(MAP)[1] ?? '', 'base64').toString());
  const counts = readdirSync(folder).flatMap((file) => countsOf(join(folder, file), code.length));
  if (counts.length === 0) throw new Error('no workflow ran: name tests that start one');
  const { functions } = mergeScriptCovs(counts.map((functions) => ({ functions, scriptId: '', url: url.href })));
  const files = await convert({ code, ast: parseAst(code), sourceMap, coverage: { url: url.href, functions } });
  return { status, files: Object.values(files) };
}

/** What the length of the same code may differ by, in characters: the SDK writes another file name into the map at its end. */
const MAP_MAY_DIFFER = 100;

/** The counts of one thread, without those of other workflow code, which some tests run. */
function countsOf(file, length) {
  const scripts = new Map();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { scriptId, functions } = JSON.parse(line);
    scripts.set(scriptId, [...(scripts.get(scriptId) ?? []), functions]);
  }
  const lengthOf = (counts) => Math.max(...counts.flat().flatMap(({ ranges }) => ranges.map((one) => one.endOffset)));
  return [...scripts.values()].filter((counts) => Math.abs(lengthOf(counts) - length) < MAP_MAY_DIFFER).flat();
}

/** The bundle of this very code, with its source map: tests have made it just now, or have used it. */
function newestBundle(root) {
  const cache = join(root, 'node_modules', '.cache', 'canary-workflows');
  const bundles = readdirSync(cache).filter((name) => name.endsWith('.mapped.js'));
  const [newest] = bundles.map((name) => join(cache, name)).sort((a, b) => statSync(b).atimeMs - statSync(a).atimeMs);
  if (newest === undefined) throw new Error(`no bundle in ${cache}`);
  return newest;
}
