import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

/** Words that say less than a plain one, and what is written in their place. */
const WORDS: Record<string, string> = {
  anew: 'again',
  'by itself': 'automatically, alone',
  'all the same': 'anyway',
  whoever: 'the caller, anyone who',
  nobody: 'no worker, no tenant, no one',
  somebody: 'a person',
  'has to': 'must',
};
/** Where they are named: here, and where texts of other products stand. */
const LEFT_OUT = ['test/docs/words.test.ts', 'package-lock.json'];

test('no text has a word that the glossary replaces', () => {
  const files = repositoryFiles()
    .filter((file) => /\.(ts|mjs|cjs|js|md|ya?ml|json|sh)$/.test(file))
    .filter((file) => !file.startsWith('test/histories/') && !LEFT_OUT.includes(file));
  const pattern = new RegExp(`\\b(?:${Object.keys(WORDS).join('|')})\\b`, 'gi');
  const found = files.flatMap((file) =>
    [...readFileSync(join(repositoryRoot, file), 'utf8').matchAll(pattern)].map(
      ([word]) => `${file}: ${word} (${WORDS[word.toLowerCase()]})`,
    ),
  );
  expect(files.length).toBeGreaterThan(1_000);
  expect(found).toEqual([]);
});
