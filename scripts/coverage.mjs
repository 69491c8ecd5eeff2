// `npm run coverage`: statements and branches that the quick tests reach, by V8; a line for each file of the rooms that
// decide, and the lines that no test reaches (docs/proof.md).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { provideMeasure } from './setup/measure.mjs';
import { setUp } from './setup.mjs';

/** Rooms whose gaps are listed. */
const LISTED = /^(src\/(lane|move|registry)|activities)\//;

const root = join(import.meta.dirname, '..');
await setUp({ tools: [], build: false });
const provider = join(provideMeasure(root), '@vitest', 'coverage-v8', 'dist', 'index.js');
const folder = join(root, '.tools', 'coverage');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const options = [
  'enabled',
  'provider=custom',
  `customProviderModule=${provider}`,
  'include=src/**',
  'include=activities/**',
  'reporter=json',
  'reportOnFailure',
  `reportsDirectory=${folder}`,
];
const { status } = spawnSync(
  process.execPath,
  [
    vitest,
    'run',
    '--project',
    'quick',
    '--project',
    'alone',
    ...options.map((option) => `--coverage.${option}`),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, CANARY_ALL_ROWS: '1' } },
);
const files = Object.values(JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8')));
const share = (counts) => `${counts.filter(Boolean).length}/${counts.length}`;
for (const { path, s, b, statementMap } of files.sort((one, other) => one.path.localeCompare(other.path))) {
  const name = relative(root, path);
  if (!LISTED.test(name)) continue;
  const missed = Object.keys(s).filter((id) => s[id] === 0);
  const lines = [...new Set(missed.map((id) => statementMap[id].start.line))];
  console.log(
    `${name}: statements ${share(Object.values(s))}, branches ${share(Object.values(b).flat())}${lines.length ? `; not reached: ${lines.join(', ')}` : ''}`,
  );
}
process.exitCode = status ?? 1;
