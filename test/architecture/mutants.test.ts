import { expect, test } from 'vitest';
import { findProblems } from '../../scripts/mutants/check.mjs';
import { repositoryRoot } from '../../testbed/tools.js';

test('every mutant still finds the code that it breaks, and the test that must notice', async () => {
  expect(await findProblems(repositoryRoot)).toEqual([]);
});
