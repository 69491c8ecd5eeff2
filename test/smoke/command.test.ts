import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { command, type Suite } from '../../src/smoke/index.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { judge, judgeOne } from '../support/judges.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Command = Parameters<typeof command>[2];

const sh = (script: string, more: Partial<Command> = {}) =>
  command('the script says so', 'the script passes', { run: ['sh', '-c', script], ...more });

describe('a command', () => {
  test.each([
    ['exit 0', 'pass', ''],
    ['echo too slow; exit 1', 'fail', 'exit 1: too slow'],
    ['kill -9 $$', 'could-not-test', 'ended by SIGKILL'],
  ])('that ends with %s is %s', async (script, verdict, got) => {
    expect(await judgeOne(sh(script))).toMatchObject({ verdict, got });
  });

  test('that ends with another code than 0 or 1 is could-not-test', async () => {
    const result = await judgeOne(sh('echo no route >&2; exit 2'));
    expect(result).toMatchObject({ verdict: 'could-not-test', got: 'exit 2: no route' });
  });

  test('that cannot be started is could-not-test', async () => {
    const missing = command('a', 'b', { run: [join(folder, 'not-there')] });
    expect(await judgeOne(missing)).toMatchObject({ verdict: 'could-not-test', got: 'cannot be started: ENOENT' });
  });

  test('gets the tenant and the window, and of the environment only what is plain or named', async () => {
    const script = 'env > "$OUT"; exit 0';
    const out = join(folder, 'env');
    const window = { from: 1_700_000_000_000, until: 1_700_000_360_500 };
    const env = { GITHUB_TOKEN: 'hush-hush', CANARY_ADMIN_TOKENS: 'hush-hush', KEY: 'named-hush' };
    const check = sh(script, { env: { OUT: out, TOKEN: { env: 'KEY' } } });
    expect(await judgeOne(check, { env, window })).toMatchObject({ verdict: 'pass', measured: 'exit 0' });
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    const names = lines.map((line) => line.split('=')[0]).filter((name) => !/^(_|PWD|OLDPWD|SHLVL)$/.test(name ?? ''));
    expect(names.sort()).toEqual([
      'CANARY_TENANT',
      'CANARY_URL',
      'CANARY_WINDOW_FROM',
      'CANARY_WINDOW_UNTIL',
      'OUT',
      'PATH',
      'TOKEN',
    ]);
    expect(lines).toEqual(
      expect.arrayContaining(['TOKEN=named-hush', 'CANARY_TENANT=canary-1', 'CANARY_WINDOW_UNTIL=1700000360']),
    );
  });

  test('gets its arguments without a shell, and its output shows no secret', async () => {
    const check = command('a', 'b', {
      run: ['sh', '-c', 'printf "%s %s" "$0" "$TOKEN"; exit 1', '{tenant}; $(id)'],
      env: { TOKEN: { file: 'key' } },
    });
    const result = await judgeOne(check, { files: { key: 'a-secret-of-the-command' } });
    expect(result.got).toBe('exit 1: canary-1; $(id) [secret]');
  });

  test('that prints without end is ended, and could not be tested', async () => {
    expect(await judgeOne(sh('yes', { timeout: '10s' }))).toMatchObject({
      verdict: 'could-not-test',
      got: 'more than 1048576 bytes of output',
    });
  });

  test('that does not end in time is ended with all that it started', async () => {
    const out = join(folder, 'pids');
    const script = `sleep 600 & echo $! $$ > "$OUT"; wait`;
    const result = await judgeOne(sh(script, { env: { OUT: out }, timeout: '1s' }));
    expect(result).toMatchObject({ verdict: 'could-not-test', got: 'no end within 1s' });
    await allEnded(out);
  });

  test('that leaves a process behind passes, and the process ends', async () => {
    const out = join(folder, 'left');
    const script = `sleep 600 & echo $! > "$OUT"; exit 0`;
    expect(await judgeOne(sh(script, { env: { OUT: out } }))).toMatchObject({ verdict: 'pass' });
    await allEnded(out);
  });

  test('runs to its end where no other program can be found', async () => {
    const path = process.env.PATH;
    onTestFinished(() => {
      process.env.PATH = path;
    });
    process.env.PATH = folder;
    const script = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exit 0';
    const builtins = command('a', 'b', { run: ['/bin/sh', '-c', script] });
    expect(await judgeOne(builtins)).toMatchObject({ verdict: 'pass' });
  });

  test('is ended when the smoke is aborted', async () => {
    const out = join(folder, 'aborted');
    const abort = new AbortController();
    const run = judge([sh(`echo $$ > "$OUT"; sleep 600`, { env: { OUT: out } })], { signal: abort.signal });
    run.catch(() => undefined);
    await until('it runs', () => existsSync(out) && readFileSync(out, 'utf8') !== '');
    abort.abort(new Error('stop it'));
    await expect(run).rejects.toThrow('stop it');
    await allEnded(out);
  });

  test('that is no array, or names what no judge knows, is refused when the suite is loaded', () => {
    const problems = (more: object) => suiteProblems([{ ...sh('exit 0'), ...more }] as Suite);
    expect(problems({})).toEqual([]);
    expect(problems({ run: 'exit 0' })).toEqual([expect.stringContaining('must be an array')]);
    expect(problems({ run: ['x', '{token}'] })).toEqual([expect.stringContaining('uses {token}')]);
    expect(problems({ env: { TOKEN: { secret: 'x' } } })).toEqual([
      expect.stringContaining('env.TOKEN must be a text'),
    ]);
  });
});

/** Waits until none of the processes of a file is alive; one that waits for its parent is not. */
async function allEnded(file: string) {
  for (const pid of readFileSync(file, 'utf8').trim().split(/\s+/))
    await until('it has ended', () => !isAlive(Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a command ends with a worker that is killed, and with it what it started', async () => {
  const pids = join(folder, 'pids');
  const script = `echo $$ > ${pids}; sleep 300 & echo $! >> ${pids}; wait`;
  const worker = spawn(process.execPath, [join(repositoryRoot, 'test/support/judges-one.mjs'), script], {
    cwd: repositoryRoot,
    stdio: 'inherit',
  });
  const running = await until('it runs', () => {
    const found = existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : [];
    return found.length === 2 ? found : null;
  });
  onTestFinished(() => {
    for (const pid of running.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  expect(running.map(isAlive)).toEqual([true, true]);
  worker.kill('SIGKILL');
  await allEnded(pids);
});
