import { join, resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { tiers } from '../support/tiers.js';

const root = resolve(import.meta.dirname, '..', '..');

/** Folders whose tests a mutation framework runs: the decisions, without the command line and the texts. */
const FOLDERS = /^test\/(domain|lane|move|smoke|tenants)\//;
/** Parts of the paths of the tests that run; all of them without. */
const PARTS = (process.env.MUTATION_TESTS ?? '').split(',');

export default defineConfig({
  root,
  resolve: { alias: { 'fast-check': join(import.meta.dirname, 'few-runs.ts') } },
  test: {
    include: tiers()
      .quick.filter((file) => FOLDERS.test(file) && !file.endsWith('hostile-bounds.test.ts'))
      .filter((file) => PARTS.some((part) => file.includes(part)))
      .map((file) => join(root, file)),
    testTimeout: 120_000,
  },
});
