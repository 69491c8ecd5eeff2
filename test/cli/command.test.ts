import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { typedCommand } from '../../src/cli/command.js';
import { repositoryRoot } from '../../testbed/tools.js';

const TYPED: [command: string | undefined, args: string[]][] = [
  ['worker', ['worker']],
  ['worker', ['--gate', 'payments', '--debug', 'worker', '--dry-run']],
  ['worker', ['--gate=payments', 'worker']],
  ['abort', ['abort', '4c1d56e', '--reason', 'worker']],
  ['status', ['--gate', 'worker', 'status']],
  [undefined, ['--version']],
];

test.each(TYPED)('the command is %s of what is typed: %j', (command, args) => {
  expect(typedCommand(args)).toBe(command);
});

describe('a package', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'canary-package-'));
    for (const folder of ['bin', 'dist/cli', 'dist/src/cli']) mkdirSync(join(root, folder), { recursive: true });
    cpSync(join(repositoryRoot, 'bin', 'canary.js'), join(root, 'bin', 'canary.js'));
    writeFileSync(join(root, 'package.json'), JSON.stringify({ engines: { node: '>=20.0.0' } }));
    writeFileSync(join(root, 'bin', 'run-bundle.js'), `exports.runBundle = () => console.log('bundle');`);
    writeFileSync(join(root, 'dist', 'src', 'cli', 'bin.js'), `console.log('modules');`);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test.each(TYPED.filter((_row, at) => at % 2 === 1))(
    'runs a worker from the modules, and all else from the bundle: %s of %j',
    (command, args) => {
      const { stdout } = spawnSync(process.execPath, [join(root, 'bin', 'canary.js'), ...args], { encoding: 'utf8' });
      expect(stdout.trim()).toBe(command === 'worker' ? 'modules' : 'bundle');
    },
  );
});
