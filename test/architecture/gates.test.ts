import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

test('no two tests have a gate of one name: on the server that files share they would have one lane', () => {
  const names = repositoryFiles('test/**/*.test.ts', 'test/*.test.ts').flatMap((file) =>
    [...readFileSync(join(repositoryRoot, file), 'utf8').matchAll(/\buse(?:Gate|Crossings)\(\s*'([^']+)'/g)].map(
      ([, name]) => name,
    ),
  );
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
