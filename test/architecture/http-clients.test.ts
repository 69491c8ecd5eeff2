import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

/** What reaches the undici inside Node: from Node 26 on its dispatcher refuses the handlers of npm's undici (`UND_ERR_INVALID_ARG`). */
const NODES_OWN = /\b[gs]etGlobalDispatcher\b|\bglobalThis\.fetch\b|(?<![.\w])fetch\(/;

const product = execFileSync('git', ['ls-files', 'src', 'activities', 'workers', 'workflows', 'bin'], {
  cwd: repositoryRoot,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => /\.[cm]?[jt]s$/.test(file));

describe('the HTTP clients of the product', () => {
  test('never use the dispatcher of Node itself', () => {
    const source = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');
    expect(product.filter((file) => NODES_OWN.test(source(file)))).toEqual([]);
  });

  test.each([
    "import { getGlobalDispatcher } from 'undici';",
    'const answer = await fetch(url);',
    'globalThis.fetch(url)',
  ])('are seen to do so in: %s', (line) => {
    expect(line).toMatch(NODES_OWN);
  });

  test('may call a method named fetch', () => {
    expect('await this.registry.fetch(url)').not.toMatch(NODES_OWN);
  });
});
