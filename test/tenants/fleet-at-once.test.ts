import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { withFileLock } from '../../src/tenants/file-lock.js';
import { addToFleetFile } from '../../src/tenants/rewrite-file.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-at-once-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const entry = (name: string) => ({ name, url: `https://${name}.example`, token: { env: 'TOKEN' } });
function fleetOf(...names: string[]): string {
  const file = join(mkdtempSync(join(folder, 'fleet-')), 'fleet.json');
  writeFileSync(file, JSON.stringify({ tenants: names.map(entry) }));
  return file;
}
const namesIn = (file: string): string[] =>
  JSON.parse(readFileSync(file, 'utf8')).tenants.map(({ name }: { name: string }) => name);

const CHANGES = join(repositoryRoot, 'test/support/changes-fleet.mjs');
const inProcess = (file: string, ...changes: string[]) =>
  promisify(execFile)(process.execPath, [CHANGES, file, ...changes], { cwd: repositoryRoot });

describe('a fleet file that processes change at the same instant', () => {
  test('loses no change, and is whole to each reader', async () => {
    const file = fleetOf('first', 'goes-0', 'goes-1', 'goes-2');
    const workers = [0, 1, 2].map((worker) =>
      inProcess(file, ...[0, 1, 2, 3].map((index) => `+w${worker}-${index}`), `-goes-${worker}`),
    );
    let isDone = false;
    const all = Promise.all(workers).finally(() => {
      isDone = true;
    });
    await until('all have ended', () => namesIn(file).includes('first') && isDone);
    await all;
    const added = [0, 1, 2].flatMap((worker) => [0, 1, 2, 3].map((index) => `w${worker}-${index}`));
    expect(namesIn(file).sort()).toEqual(['first', ...added].sort());
    expect(readdirSync(join(file, '..')).sort()).toEqual(['fleet.json', 'fleet.json.old']);
  });

  test('is changed although a process was killed while it had the lock, and no sooner', async () => {
    const file = fleetOf('first');
    writeFileSync(`${file}.lock`, 'of a process that is gone');
    const started = performance.now();
    await withFileLock(file, () => undefined, { abandonedMs: 300 });
    expect(performance.now() - started).toBeGreaterThan(290);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  test('takes no lock away from the process that took the abandoned one away first', async () => {
    const file = fleetOf('first');
    writeFileSync(`${file}.lock`, 'of a process that is gone');
    let inside = 0;
    let most = 0;
    const one = () =>
      withFileLock(
        file,
        async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setTimeout(resolve, 30));
          inside -= 1;
        },
        { abandonedMs: 200 },
      );
    await Promise.all(Array.from({ length: 6 }, one));
    expect(most).toBe(1);
  });

  test.each<[string, (lock: string) => void]>([
    ['a folder', (lock) => mkdirSync(lock)],
    ['a link to nothing', (lock) => symlinkSync(`${lock}-is-not-there`, lock)],
  ])('is left as it is, in one line, if its lock is %s', async (_what, make) => {
    const file = fleetOf('first');
    make(`${file}.lock`);
    const waiting = withFileLock(file, () => expect.unreachable(), { abandonedMs: 50, limitMs: 200 });
    await expect(waiting).rejects.toThrow(`${file}.lock was not free within 0.2 s: nothing is changed`);
    expect(lstatSync(`${file}.lock`).isFile()).toBe(false);
  });

  test('is left as it is, and the line names the process that keeps it', async () => {
    const file = fleetOf('first');
    const failed = withFileLock(file, () => withFileLock(file, () => undefined, { limitMs: 100 }));
    await expect(failed).rejects.toThrow(/fleet\.json\.lock of ".+, process \d+, .+" was not free within 0\.1 s/);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  test('is not changed by what was given up while it waited', async () => {
    const file = fleetOf('first');
    const given = new AbortController();
    await withFileLock(file, async () => {
      const waiting = withFileLock(file, () => expect.unreachable(), { signal: given.signal });
      given.abort(new Error('its attempt is over'));
      rmSync(`${file}.lock`);
      await expect(waiting).rejects.toThrow('its attempt is over');
    });
    const late = new AbortController();
    const adding = addToFleetFile(file, entry('late'), async () => late.abort(new Error('it is over')), late.signal);
    await expect(adding).rejects.toThrow('it is over');
    expect(namesIn(file)).toEqual(['first']);
  });

  test('is not replaced by a process whose lock was taken away', async () => {
    const file = fleetOf('first');
    const frozen = async () => writeFileSync(`${file}.lock`, 'of another process');
    await expect(addToFleetFile(file, entry('late'), frozen)).rejects.toThrow('left to another process');
    expect(namesIn(file)).toEqual(['first']);
    expect(readdirSync(join(file, '..')).sort()).toEqual(['fleet.json', 'fleet.json.lock']);
  });
});

/** Whether this machine lets a test mount a file over itself. */
const canMount = (() => {
  try {
    const [one, other] = ['a', 'b'].map((name) => join(folder, name));
    for (const path of [one, other]) writeFileSync(path as string, '');
    execFileSync('unshare', ['-rm', 'mount', '--bind', one as string, other as string], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!canMount)(
  'a fleet file that is a mount of its own is left whole, and one line says what to do',
  async () => {
    const file = fleetOf('first');
    const before = readFileSync(file, 'utf8');
    const source = join(mkdtempSync(join(folder, 'source-')), 'fleet.json');
    writeFileSync(source, before);
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    const args = ['-rm', 'sh', '-c', script, source, file, process.execPath, CHANGES, file, '+second'];
    const failed = promisify(execFile)('unshare', args, { cwd: repositoryRoot });
    await expect(failed).rejects.toThrow(
      `${file} is a mount of its own, so it cannot be replaced: mount its folder instead`,
    );
    expect(readFileSync(source, 'utf8')).toBe(before);
    expect(readdirSync(join(file, '..')).sort()).toEqual(['fleet.json', 'fleet.json.old']);
  },
);
