import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

const files = repositoryFiles('*.ts', '*.mjs', '*.md', '*.yml').filter(
  (file) => file !== 'test/docs/citations.test.ts',
);
const textOf = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');

/** `# The write lease` → `The write lease`. */
const headingsOf = (page: string) => [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '');

/** Every match of a pattern, with where it stands. */
const cited = (pattern: RegExp) =>
  files.flatMap((file) => [...textOf(file).matchAll(pattern)].map(([whole, ...groups]) => ({ file, whole, groups })));

describe('every citation resolves to a page of this repository', () => {
  test('of an invariant', () => {
    const known = headingsOf('docs/invariants.md').map((heading) => /^I\d/.exec(heading)?.[0]);
    expect(cited(/\b(I\d)\b(?!-)/g).filter(({ groups: [id] }) => !known.includes(id))).toEqual([]);
  });

  test('of a decision', () => {
    const known = readdirSync(join(repositoryRoot, 'docs', 'decisions')).map((name) => Number(name.slice(0, 4)));
    expect(known).toEqual([...new Set(known)]);
    expect(cited(/\bADR (\d+)\b/g).filter(({ groups: [number] }) => !known.includes(Number(number)))).toEqual([]);
  });

  test('of a heading, as `docs/page.md, Heading`', () => {
    const missing = cited(/\b(docs\/[\w/-]+\.md), ([A-Z][\w :`]+[\w`])/g).filter(
      ({ groups: [page = '', heading = ''] }) =>
        !existsSync(join(repositoryRoot, page)) ||
        !headingsOf(page).some((one) => heading.startsWith(one) || one.startsWith(heading)),
    );
    expect(missing).toEqual([]);
  });

  test('of a section by its number: there are none', () => {
    expect(cited(/§\s?\d/g)).toEqual([]);
    expect(cited(/\b(?:protocol|design|(?:registry|temporal|features)\.md) (?:section )?\d+(?:\.\d+)*\b/g)).toEqual([]);
  });

  test('of a file, as a link of a page', () => {
    const missing = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...textOf(file).matchAll(/\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)/g)]
          .map(([, target = '']) => ({ file, target: normalize(join(dirname(file), target)) }))
          .filter(({ target }) => !existsSync(join(repositoryRoot, target))),
      );
    expect(missing).toEqual([]);
  });
});
