import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

test('docs/operations.md names each line that a worker logs of itself', () => {
  const workers = join(repositoryRoot, 'workers');
  const sources = readdirSync(workers).filter((name) => name.endsWith('.ts'));
  const logged = sources.flatMap((name) => [
    ...readFileSync(join(workers, name), 'utf8').matchAll(/logEvent\(\s*'[A-Z]+',\s*'([^']+)'/g),
  ]);
  expect(logged.length).toBeGreaterThan(8);
  const page = readFileSync(join(repositoryRoot, 'docs', 'operations.md'), 'utf8');
  expect(logged.map(([, message]) => message).filter((message) => !page.includes(`\`${message}\``))).toEqual([]);
});
