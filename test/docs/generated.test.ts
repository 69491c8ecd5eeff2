import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cliMarkdown } from '../../scripts/docs/cli.js';
import { configurationMarkdown } from '../../scripts/docs/configuration.js';
import { repositoryRoot } from '../../testbed/tools.js';

test.each([
  ['cli.md', cliMarkdown],
  ['configuration.md', configurationMarkdown],
])('docs/%s is what the code generates (npm run docs)', async (page, generate) => {
  expect(readFileSync(join(repositoryRoot, 'docs', page), 'utf8')).toBe(await generate());
});
