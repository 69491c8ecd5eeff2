import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

const FILES = repositoryFiles();
const TOP_FOLDERS = new Set(FILES.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));

const PAGES = [
  'docs/architecture.md',
  'docs/testing.md',
  'docs/invariants.md',
  'CONTRIBUTING.md',
  ...FILES.filter((file) => file.endsWith('/README.md')),
];

/** Folders that git does not keep. */
const BUILT = /^(dist|node_modules|\.demo|\.tools)\//;
const NAME = /^[\w.<>*-]+(\/[\w.<>*-]+)*\/?$/;
const isPath = (text: string) =>
  NAME.test(text) &&
  !BUILT.test(text) &&
  (/\/$|\.(ts|mjs|js|md|json|yml)$/.test(text) || (text.includes('/') && TOP_FOLDERS.has(text.split('/')[0])));

/** Text between backticks that names a file or a folder. */
const pathsOf = (page: string) => {
  const text = readFileSync(join(repositoryRoot, page), 'utf8').replaceAll(/^```.*?^```/gms, '');
  return [...new Set([...text.matchAll(/`([^`\n]+)`/g)].map(([, path = '']) => path).filter(isPath))];
};

/** Whether a path is one from the root, or ends the path of a file or folder below `folder`. `<name>` and `*` stand for any name. */
function exists(path: string, folder: string): boolean {
  const pattern = path
    .replace(/\/$/, '')
    .replaceAll(/[.+]/g, '\\$&')
    .replaceAll(/<\w+>|\*/g, '[^/]+');
  const fromRoot = new RegExp(`^${pattern}(/|$)`);
  const below = new RegExp(`^${folder === '.' ? '' : `${folder}/`}(.+/)?${pattern}(/|$)`);
  return FILES.some((file) => fromRoot.test(file) || below.test(file));
}

describe('every path between backticks exists', () => {
  test.each(PAGES)('in %s', (page) => {
    const folder = page.endsWith('README.md') ? dirname(page) : '.';
    expect(pathsOf(page).filter((path) => !exists(path, folder))).toEqual([]);
  });

  test('in a page that names a file which is gone, that one is found', () => {
    expect(['src/config/config.ts', 'src/config/schema.ts'].filter((path) => !exists(path, '.'))).toEqual([
      'src/config/config.ts',
    ]);
  });
});
