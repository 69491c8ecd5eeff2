import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { transformWithEsbuild } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts, startProcess } from '../../testbed/process.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { rows } from '../support/rows.js';

let directory: string;
let count = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'canary-process-'));
  // Plain JavaScript, for starters that are processes of their own.
  const source = join(repositoryRoot, 'testbed', 'process.ts');
  const { code } = await transformWithEsbuild(readFileSync(source, 'utf8'), source);
  writeFileSync(join(directory, 'process.mjs'), code);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ENDINGS = [
  ['gets SIGTERM', '', 'SIGTERM', 'SIGTERM'],
  ['gets SIGINT', '', 'SIGINT', 'SIGINT'],
  ['gets SIGHUP', '', 'SIGHUP', 'SIGHUP'],
  ['gets SIGTERM and handles it itself', 'process.on("SIGTERM", () => process.exit(7))', 'SIGTERM', 7],
  ['loses the process that forked it', '', 'disconnect', 1],
  ['throws', 'setTimeout(() => { throw new Error("on purpose") }, 500)', undefined, 1],
  ['exits', 'setTimeout(() => process.exit(3), 500)', undefined, 3],
] as const;

// Each row takes two processes of Node, 0.3 s of CPU.
test.for(rows(ENDINGS, [ENDINGS[3], ENDINGS[4], ENDINGS[5]]))(
  'a started process is ended when its starter %s',
  async ([, what, signal, ending]) => {
    const { starter, port } = await startStarter(what);
    expect(await listens(port)).toBe(true);
    if (signal === 'disconnect') starter.disconnect();
    else if (signal !== undefined) starter.kill(signal);
    const [code, endedBy] = await once(starter, 'exit');
    expect(code ?? endedBy).toBe(ending);
    await waitUntilGone(port);
  },
);

test('stop ends a process that listens to SIGTERM, and kill one that does not', async () => {
  const polite = await startProcess(
    process.execPath,
    ['-e', 'console.log("up"); setInterval(() => 0, 1000)'],
    options(),
  );
  await polite.stop();
  expect(isAlive(polite.pid)).toBe(false);

  const deaf = 'process.on("SIGTERM", () => 0); console.log("up"); setInterval(() => 0, 1000)';
  const stubborn = await startProcess(process.execPath, ['-e', deaf], options());
  process.kill(stubborn.pid, 'SIGTERM');
  await sleep(50);
  expect(isAlive(stubborn.pid)).toBe(true);
  await stubborn.kill();
  expect(isAlive(stubborn.pid)).toBe(false);
});

test.for([
  ['ends too early', 'echo no such flag; exit 2', 10_000, /ended before it was ready: no such flag/],
  ['is not ready in time', 'echo slow; exec sleep 60', 500, /was not ready after 500 ms: slow/],
] as const)('a process that %s is an error with what it said', async ([, script, timeoutMs, error]) => {
  // A shell has said it in time on a loaded machine, too.
  const start = startProcess('sh', ['-c', script], { ...options(), timeoutMs });
  await expect(start).rejects.toThrow(error);
});

test('a program that is not there is an error', async () => {
  await expect(startProcess('no-such-program', [], options())).rejects.toThrow(/ENOENT/);
});

test('listeners are taken back with the last process', async () => {
  const before = process.listenerCount('SIGTERM');
  const running = await startProcess(
    process.execPath,
    ['-e', 'console.log("up"); setInterval(() => 0, 1000)'],
    options(),
  );
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  await running.stop();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('free ports differ', async () => {
  expect(new Set(await freePorts(20)).size).toBe(20);
});

function options() {
  const logFile = join(directory, `${++count}.log`);
  return { logFile, ready: (output: string) => output.includes('up'), timeoutMs: 10_000 };
}

/** A process that starts a server, prints its port and then does what it is told. */
async function startStarter(what: string) {
  const server = 'require("net").createServer().listen(Number(process.argv[1]), "127.0.0.1", () => console.log("up"))';
  const script = `
    import { freePort, startProcess } from ${JSON.stringify(join(directory, 'process.mjs'))};
    const port = await freePort();
    const logFile = ${JSON.stringify(join(directory, `${++count}.log`))};
    const options = { logFile, ready: (output) => output.includes('up'), timeoutMs: 10_000 };
    await startProcess(process.execPath, ['-e', ${JSON.stringify(server)}, String(port)], options);
    setInterval(() => 0, 1000);
    ${what};
    console.log(port);`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  const [line] = await once(starter.stdout as Readable, 'data');
  return { starter, port: Number(line) };
}

async function waitUntilGone(port: number): Promise<void> {
  for (const deadline = Date.now() + 5000; await listens(port); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`port ${port} is still served`);
  }
}

/** An orphan that no one waits for keeps its pid, so the pid says nothing; its port does. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined));
    socket.once('error', () => resolve(false));
  });
}

/** Of a child of this process, which is waited for. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
