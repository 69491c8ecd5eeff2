import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cliMarkdown } from '../../scripts/docs/cli.js';
import { configurationMarkdown } from '../../scripts/docs/configuration.js';
import { repositoryRoot } from '../../testbed/tools.js';

test.each([
  ['cli.md', cliMarkdown],
  ['configuration.md', configurationMarkdown],
])('docs/%s says what the code says (npm run docs writes it)', (page, generate) => {
  expect(readFileSync(join(repositoryRoot, 'docs', page), 'utf8')).toBe(generate());
});
