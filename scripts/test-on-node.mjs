// `node scripts/test-on-node.mjs 24 26`: runs a smoke subset of the suite on other Node majors, in a clone where `npm test`
// has run. Each Node is one test; the last line is `N passed, N failed`. A Node that cannot be installed is skipped, and
// with CANARY_NO_SKIPS failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const INSTALL_MS = 5 * 60_000;
const RUN_MS = 5 * 60_000;
/** Number of last lines of a failed command that are printed. */
const TAIL = 40;

/** Tests for each Node: HTTP to a registry and to tenants, and one complete release through Temporal. */
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
function install(major) {
  const folder = join(ROOT, '.tools', `node-${major}`);
  const node = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const isReady = () => existsSync(node) && run(node, ['--version']).output.startsWith(`v${major}.`);
  if (isReady()) return node;
  mkdirSync(folder, { recursive: true });
  // A separate package, so that npm installs here and not in the repository.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--no-audit', '--no-fund', '--no-save', '--loglevel=error'];
  const { output } = run('npm', ['install', ...flags, `node@${major}`], { cwd: folder, timeout: INSTALL_MS });
  if (isReady()) return node;
  console.error(`Node ${major} is not installed: npm install node@${major} failed (is the npm registry reachable?)`);
  if (output) console.error(indented(output));
  return null;
}

/** Whether the subset passes on this Node. */
function passes(node) {
  // PATH starts with this Node, for the processes that the tests start.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  const commands = [
    ['bin/canary.js', '--version'],
    ...SUBSETS.map(({ files, name }) => [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...files,
      ...(name ? ['-t', name] : []),
    ]),
  ];
  return commands.every((args) => {
    const { ok, output } = run(node, args, { env });
    if (!ok) console.error(`node ${args.join(' ')} failed:\n${indented(output)}`);
    return ok;
  });
}

const majors = process.argv.slice(2);
if (majors.length === 0 || majors.some((major) => !/^\d+$/.test(major))) {
  console.error('usage: node scripts/test-on-node.mjs MAJOR...   e.g. 24 26');
  process.exit(2);
}
const results = { ok: 0, FAILED: 0, skipped: 0 };
for (const major of majors) {
  const began = performance.now();
  const node = install(major);
  const missing = process.env.CANARY_NO_SKIPS ? 'FAILED' : 'skipped';
  const result = node === null ? missing : passes(node) ? 'ok' : 'FAILED';
  results[result] += 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const version = node ? run(node, ['--version']).output : `v${major}`;
  console.error(`node ${version}  ${result}  ${seconds} s`);
}
console.log(`${results.ok} passed, ${results.FAILED} failed`);
process.exitCode = results.FAILED === 0 ? 0 : 1;
