import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { repositoryRoot } from '../../testbed/tools.js';

/** What asks on a terminal. */
const ASKS = /\b(reasonOf|askOf|promptTarget|confirm)\(/;

/** Source of a command, by the file that the table loads it from. */
const sourceOf = (name: string) => {
  const table = readFileSync(join(repositoryRoot, 'src/cli/commands/index.ts'), 'utf8');
  const [, file] = new RegExp(`name: '${name}',[^}]*?import\\('(.+?)\\.js'\\)`, 's').exec(table) ?? [];
  return readFileSync(join(repositoryRoot, 'src/cli/commands', `${file}.ts`), 'utf8');
};

test.each(COMMANDS.map(({ name, load }) => [name, load] as const))(
  'canary %s takes -y and --yes if it can ask',
  async (name, load) => {
    const flags = (await load()).options.map((option) => option.flags);
    expect(flags.includes('-y, --yes')).toBe(ASKS.test(sourceOf(name)));
  },
);

test('what asks is found', () => {
  expect(COMMANDS.filter(({ name }) => ASKS.test(sourceOf(name))).map(({ name }) => name)).toEqual([
    'promote',
    'approve',
    'abort',
    'retry',
    'rollback',
    'pause',
    'resume',
    'lane',
    'tenants',
  ]);
});
