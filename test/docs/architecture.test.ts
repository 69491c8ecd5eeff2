import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

const textOf = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');

/** Rows of the table: `| step | phase | file | function | line | activities |`. */
const ROW = /^\| (\d+) \| `([\w-]+)` \| `([\w/.-]+)` \| `(\w+)` \| (\S+) \| (.+) \|$/gm;
const rows = [...textOf('docs/architecture.md').matchAll(ROW)].map(
  ([, step = '', phase = '', file = '', name = '', line = '', activities = '']) => ({
    step,
    phase,
    file,
    name,
    line,
    activities,
  }),
);

/** Text of all activities: each is a property of what a factory returns. */
const ACTIVITIES = readdirSync(join(repositoryRoot, 'activities'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => textOf(join('activities', name)))
  .join('\n');

/** Number of the line that exports the function of a phase, as text; a missing export is `none`. */
function lineOf(file: string, name: string): string {
  const index = textOf(file)
    .split('\n')
    .findIndex((line) => new RegExp(`^export const ${name}: Phase\\b`).test(line));
  return index < 0 ? 'none' : `${index + 1}`;
}

describe('the table of README steps in docs/architecture.md', () => {
  test('has a row for each step of README before done, in order', () => {
    const [, steps = ''] = textOf('README.md').split('## What a release does');
    const phases = [...steps.matchAll(/^(\d+)\. \*\*([\w-]+)\*\*/gm)].map(([, step, phase]) => ({ step, phase }));
    expect(phases.at(-1)?.phase).toBe('done');
    expect(rows.map(({ step, phase }) => ({ step, phase }))).toEqual(phases.slice(0, -1));
  });

  test.each(rows)('names the line of $name in $file', ({ file, name, line }) => {
    expect(line).toBe(lineOf(file, name));
  });

  test.each(rows)('names the function of the phase $phase', ({ phase, name }) => {
    const table = textOf('workflows/canary-release.ts');
    const row = `^  ('?${phase}'?: )?(${name}|whileWatched\\(${name}\\)),$`;
    expect(table).toMatch(new RegExp(row, 'm'));
  });

  test.each(rows)('names activities of $phase that exist', ({ activities }) => {
    const names = [...activities.matchAll(/`([a-z]\w+)`/g)].map(([, name = '']) => name);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !new RegExp(`^ {4}(async )?${name}[(:]`, 'm').test(ACTIVITIES))).toEqual([]);
  });
});
