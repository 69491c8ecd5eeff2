// `npm run coverage`: statements and branches that the quick tests reach, by V8; a line for each file of the folders that decide, and the
// lines that no test reaches (docs/proof.md). `npm run coverage -- --workflows [part of a path]...` does the same for workflow code, with the
// tests of `test/workflows` and the kept histories.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { measureWorkflows } from './measure/workflows.mjs';
import { provideMeasure } from './setup/measure.mjs';
import { TOOL_NAMES } from './setup/tools.mjs';
import { setUp } from './setup.mjs';

/** Folders whose gaps are listed. */
const LISTED = /^(src\/(lane|move|registry)|activities)\//;
const OF_WORKFLOWS = /^workflows\//;
const TESTS_OF_WORKFLOWS = ['test/workflows', 'test/histories.test.ts', 'test/replay.test.ts'];

const root = join(import.meta.dirname, '..');
const given = process.argv.slice(2).filter((argument) => argument !== '--workflows');
const areWorkflows = given.length < process.argv.length - 2;
await setUp({ tools: areWorkflows ? TOOL_NAMES : [], build: areWorkflows, bundled: areWorkflows });
const modules = provideMeasure(root);
const folder = join(root, '.tools', 'coverage');

/** Runs tests, slow ones included. */
function runTests(options, env = {}) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...options], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CANARY_ALL_ROWS: '1', ...env },
  });
  return status;
}

function measureQuick() {
  const options = [
    'enabled',
    'provider=custom',
    `customProviderModule=${join(modules, '@vitest', 'coverage-v8', 'dist', 'index.js')}`,
    'include=src/**',
    'include=activities/**',
    'reporter=json',
    'reportOnFailure',
    `reportsDirectory=${folder}`,
  ].map((option) => `--coverage.${option}`);
  const status = runTests(['--project', 'quick', '--project', 'alone', ...options, ...given]);
  return { status, files: Object.values(JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8'))) };
}

const { status, files } = areWorkflows
  ? await measureWorkflows({ root, folder, modules }, (env) =>
      runTests(['--project', 'server', ...(given.length > 0 ? given : TESTS_OF_WORKFLOWS)], env),
    )
  : measureQuick();

const countsOf = ({ s, b }) => ({ statements: Object.values(s), branches: Object.values(b).flat() });
const share = (counts) => `${counts.filter(Boolean).length}/${counts.length}`;
const listed = files
  .map((file) => ({ ...file, name: relative(root, file.path) }))
  .filter(({ name }) => (areWorkflows ? OF_WORKFLOWS : LISTED).test(name))
  .sort((one, other) => one.name.localeCompare(other.name));
for (const { name, s, b, statementMap } of listed) {
  const { statements, branches } = countsOf({ s, b });
  const missed = Object.keys(s).filter((id) => s[id] === 0);
  const lines = [...new Set(missed.map((id) => statementMap[id].start.line))];
  console.log(
    `${name}: statements ${share(statements)}, branches ${share(branches)}${lines.length ? `; not reached: ${lines.join(', ')}` : ''}`,
  );
}
const all = listed.map(countsOf);
console.log(
  `all: statements ${share(all.flatMap(({ statements }) => statements))}, branches ${share(all.flatMap(({ branches }) => branches))}`,
);
process.exitCode = status ?? 1;
