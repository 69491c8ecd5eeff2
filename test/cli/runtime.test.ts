import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { firstRows } from '../support/rows.js';

const jsonOf = (...path: string[]) => JSON.parse(readFileSync(join(repositoryRoot, ...path), 'utf8'));
const least: string = jsonOf('package.json').engines.node;

/** Runs `canary --version` on a runtime that says it has these versions. */
function runOn(versions: Record<string, string>) {
  const lie = `Object.defineProperty(process, 'versions', { value: { ...process.versions, ...${JSON.stringify(versions)} } })`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(lie)}`, 'bin/canary.js', '--version'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: repositoryRoot, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const REFUSED: [versions: Record<string, string>, name: string][] = [
  [{ node: '20.18.0' }, 'Node 20.18.0'],
  [{ bun: '1.3.1', node: '24.3.0' }, 'Bun 1.3.1'],
  [{ node: '18.20.8' }, 'Node 18.20.8'],
  [{ deno: '2.5.0', node: '24.2.0' }, 'Deno 2.5.0'],
];

// Each row is a process of Node.
test.each(firstRows(2, REFUSED))(
  'canary ends with 2 and one line on a runtime that it does not support: %j',
  (versions, name) => {
    expect(runOn(versions)).toEqual({
      status: 2,
      stdout: '',
      stderr: `canary: ${name} is not supported: run it with Node 20.18.1 or newer\n`,
    });
  },
);

test.each(firstRows(2, ['20.18.1', '100.0.0', '20.19.0', '21.0.0']))('canary accepts Node %s', (node) => {
  expect(runOn({ node }).stderr).not.toContain('is not supported');
});

test('the least Node of the package is the least that its dependencies accept', () => {
  const needed = Object.keys(jsonOf('package.json').dependencies).flatMap((name) => {
    const [, version] = /^>= ?([\d.]+)$/.exec(jsonOf('node_modules', name, 'package.json').engines?.node ?? '') ?? [];
    return version === undefined ? [] : [version];
  });
  const collator = new Intl.Collator('en', { numeric: true });
  expect(least).toBe(`>=${needed.sort(collator.compare).at(-1)}`);
});
