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
  const { url, code, sourceMap } = newestBundle(root);
  const merge = (counts) => mergeScriptCovs(counts.map((functions) => ({ functions, scriptId: '', url })))?.functions;
  const scripts = readdirSync(folder)
    .flatMap((file) => scriptsOf(join(folder, file)))
    .map((counts) => ({ length: lengthOf(counts), functions: merge(counts) }));
  if (scripts.length === 0) throw new Error('no workflow ran: name tests that start one');
  // Some tests run other workflow code.
  const length = mostCommon(scripts.map((script) => script.length));
  const functions = merge(scripts.filter((script) => script.length === length).map((script) => script.functions));
  const files = await convert({ code, ast: parseAst(code), sourceMap, coverage: { url, functions } });
  return { status, files: Object.values(files) };
}

/** What one thread counted, by script. */
function scriptsOf(file) {
  const scripts = new Map();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { scriptId, functions } = JSON.parse(line);
    scripts.set(scriptId, [...(scripts.get(scriptId) ?? []), functions]);
  }
  return [...scripts.values()];
}

/** Length of a script in characters. */
const lengthOf = (counts) =>
  counts.flat().reduce((most, { ranges }) => ranges.reduce((end, one) => Math.max(end, one.endOffset), most), 0);

function mostCommon(values) {
  const times = (value) => values.filter((one) => one === value).length;
  return values.reduce((best, value) => (times(value) > times(best) ? value : best));
}

/** The bundle of the gate, with its source map: the tests have just made it, or read it. */
function newestBundle(root) {
  const cache = join(root, 'node_modules', '.cache', 'canary-workflows');
  const mapped = readdirSync(cache).filter((name) => name.endsWith('.mapped.js'));
  const newestFirst = mapped
    .map((name) => join(cache, name))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  for (const file of newestFirst) {
    const code = readFileSync(file, 'utf8');
    const sourceMap = JSON.parse(Buffer.from(code.split(MAP)[1] ?? '', 'base64').toString());
    if (sourceMap.sources.some((source) => source.endsWith('workflows/canary-release.ts')))
      return { url: pathToFileURL(file).href, code, sourceMap };
  }
  throw new Error(`no bundle in ${cache}`);
}
