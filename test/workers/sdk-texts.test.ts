import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { IllegalStateError, type State } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';
import { hasDrained, STILL_IN_USE, WORKER_FAILED } from '../../workers/sdk-texts.js';

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

describe('whether a worker has drained', () => {
  const held = new IllegalStateError(`${STILL_IN_USE} (2)`);
  test.each<[string, State, Error, boolean]>([
    ['it has if core held it for an instant', 'STOPPED', held, true],
    ['it has not if Temporal refused it', 'FAILED', held, false],
    [
      'it has not after another misuse of the SDK',
      'STOPPED',
      new IllegalStateError('Poller was already started'),
      false,
    ],
    ['it has not after another error of this text', 'STOPPED', new Error(held.message), false],
  ])('%s', (_why, state, error, drained) => {
    expect(hasDrained({ getState: () => state }, error)).toBe(drained);
  });
});
