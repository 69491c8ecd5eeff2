// `node scripts/test-on-node.mjs 20.18.1 24 26`: runs a smoke subset of the suite on other Nodes, in a clone where `npm test`
// has run. Of a major alone, its newest version. Each Node is one test; the last line is `N passed, N failed`. A Node that
// cannot be installed is skipped, and with CANARY_NO_SKIPS failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const INSTALL_MS = 5 * 60_000;
const RUN_MS = 5 * 60_000;
/** Where vitest writes what it ran. */
const REPORT = join(ROOT, '.tools', 'tests-on-node.json');
/** Number of last lines of a failed command that are printed. */
const TAIL = 40;

/** Tests for each Node: HTTP to a registry and to tenants, and one complete release through Temporal. Each file must pass a test. */
const SUBSETS = [
  { files: ['test/registry/client.test.ts', 'test/smoke/fleet.test.ts', 'test/tenants/ask-build.test.ts'] },
  {
    files: ['test/workflows/release/canary-release.test.ts'],
    name: 'a build that every tenant runs and passes gets :latest',
  },
];

/** Runs a program to its end; returns its output, and whether it exited with 0. */
function run(program, args, { env = process.env, cwd = ROOT, timeout = RUN_MS } = {}) {
  const options = { cwd, env, timeout, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], killSignal: 'SIGTERM' };
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  const output = `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`.trim();
  return { ok: status === 0, output };
}

const indented = (text) =>
  text
    .split('\n')
    .slice(-TAIL)
    .map((line) => `  | ${line}`)
    .join('\n');

/** Installs npm's `node` package, which has a program for each platform; returns its path, or null if that fails. */
function install(wanted) {
  const folder = join(ROOT, '.tools', `node-${wanted}`);
  const node = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const isReady = () => existsSync(node) && `${run(node, ['--version']).output}.`.startsWith(`v${wanted}.`);
  if (isReady()) return node;
  mkdirSync(folder, { recursive: true });
  // A separate package, so that npm installs here and not in the repository.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--no-audit', '--no-fund', '--no-save', '--loglevel=error'];
  const { output } = run('npm', ['install', ...flags, `node@${wanted}`], { cwd: folder, timeout: INSTALL_MS });
  if (isReady()) return node;
  console.error(`Node ${wanted} is not installed: npm install node@${wanted} failed (is the npm registry reachable?)`);
  if (output) console.error(indented(output));
  return null;
}

/** Files of a subset of which no test passed: vitest exits with 0 when a name matches nothing, or skipped tests alone. */
function notShown(files) {
  const { testResults } = JSON.parse(readFileSync(REPORT, 'utf8'));
  const passed = testResults.filter(({ assertionResults }) =>
    assertionResults.some(({ status }) => status === 'passed'),
  );
  return files.filter((file) => !passed.some(({ name }) => name === join(ROOT, file)));
}

/** Whether a subset passes on this Node, and each of its files ran. */
function passes(node, env, { files, name }) {
  rmSync(REPORT, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...files, ...(name ? ['-t', name] : []), ...reporters];
  if (!succeeds(node, args, env)) return false;
  const missing = notShown(files);
  for (const file of missing)
    console.error(
      `${file}: no test passed${name ? ` with the name '${name}'` : ''} (is it left to npm run test:full?)`,
    );
  return missing.length === 0;
}

function succeeds(node, args, env) {
  const { ok, output } = run(node, args, { env });
  if (!ok) console.error(`node ${args.join(' ')} failed:\n${indented(output)}`);
  return ok;
}

/** Whether the command line starts on this Node, and every subset passes. */
function works(node) {
  // PATH starts with this Node, for the processes that the tests start.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  return succeeds(node, ['bin/canary.js', '--version'], env) && SUBSETS.every((subset) => passes(node, env, subset));
}

const versions = process.argv.slice(2);
if (versions.length === 0 || versions.some((version) => !/^\d+(?:\.\d+){0,2}$/.test(version))) {
  console.error('usage: node scripts/test-on-node.mjs VERSION...   e.g. 20.18.1 24 26');
  process.exit(2);
}
const results = { ok: 0, FAILED: 0, skipped: 0 };
for (const wanted of versions) {
  const began = performance.now();
  const node = install(wanted);
  const missing = process.env.CANARY_NO_SKIPS ? 'FAILED' : 'skipped';
  const result = node === null ? missing : works(node) ? 'ok' : 'FAILED';
  results[result] += 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const found = node ? run(node, ['--version']).output : `v${wanted}`;
  console.error(`node ${found}  ${result}  ${seconds} s`);
}
console.log(`${results.ok} passed, ${results.FAILED} failed`);
process.exitCode = results.FAILED === 0 ? 0 : 1;
