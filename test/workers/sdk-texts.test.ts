import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { STILL_IN_USE, WORKER_FAILED } from '../../workers/sdk-texts.js';

const folderOf = (name: string) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

describe("the texts by which Temporal's SDK tells what it has no code for", () => {
  test('of a worker that failed is what its worker logs', () => {
    const worker = readFileSync(join(folderOf('@temporalio/worker'), 'lib', 'worker.js'), 'utf8');
    expect(worker).toContain(`logger.error('${WORKER_FAILED}', { error })`);
  });

  test('of a worker that core still holds is in the source of its bridge', () => {
    const bridge = readFileSync(join(folderOf('@temporalio/core-bridge'), 'src', 'helpers', 'errors.rs'), 'utf8');
    expect(bridge).toContain(STILL_IN_USE.replace('Worker', '{what}'));
  });
});
