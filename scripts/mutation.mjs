// `npm run mutation [-- <glob>,<glob>... [<part>,<part>...]]`: mutates files of src/ with Stryker, runs the quick tests that cover each
// change, and prints the score and the survivors of each file (docs/proof.md). A file takes minutes; less if only the tests run that have
// one of the parts in their path.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideMeasure } from './setup/measure.mjs';
import { setUp } from './setup.mjs';

/** Decisions that quick tests hold. */
const DECISIONS =
  'src/lane/{moves,queue,rollback,sequence}.ts,src/move/{pair,observe,rollback-floor}.ts,src/smoke/evaluate.ts,src/domain/{decide,fleet-watch}.ts';

const root = join(import.meta.dirname, '..');
await setUp({ tools: [], build: false });
const modules = provideMeasure(root);
const [files = DECISIONS, tests = ''] = process.argv.slice(2);
const stryker = join(modules, '@stryker-mutator', 'core', 'bin', 'stryker.js');
const { status } = spawnSync(
  process.execPath,
  [stryker, 'run', join(root, 'test', 'mutation', 'stryker.config.mjs'), '--mutate', files],
  { cwd: root, stdio: 'inherit', env: { ...process.env, CANARY_ALL_ROWS: '1', MUTATION_TESTS: tests } },
);
if (status !== 0) process.exit(1);
const report = JSON.parse(readFileSync(join(root, '.tools', 'mutation.json'), 'utf8'));
for (const [file, { mutants, source }] of Object.entries(report.files)) {
  const tried = mutants.filter((one) => ['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(one.status));
  const left = tried.filter((one) => one.status === 'Survived' || one.status === 'NoCoverage');
  const score = (100 * (tried.length - left.length)) / tried.length;
  console.log(`${file}: ${tried.length - left.length} of ${tried.length} killed (${score.toFixed(0)} %)`);
  const lines = source.split('\n');
  for (const { location, replacement, mutatorName } of left)
    console.log(
      `  ${location.start.line}: ${mutatorName} ${JSON.stringify((replacement ?? '').slice(0, 60))} in ${lines[location.start.line - 1].trim().slice(0, 110)}`,
    );
}
