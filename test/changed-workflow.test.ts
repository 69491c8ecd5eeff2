import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { installRuntime } from './support/gate.js';
import { type KeptHistory, replays } from './support/replay.js';
import { changedBundle } from './support/versions.js';

const folder = join(import.meta.dirname, 'histories');
/** Kept histories of the two workflows that `changedBundle` changes, one of each. */
const kept = ['promoted.CanaryRelease', 'promoted.ReleaseLane'].map((start) => {
  const name = readdirSync(folder).find((one) => one.startsWith(start));
  return JSON.parse(readFileSync(join(folder, name ?? start), 'utf8')) as KeptHistory;
});

beforeAll(() => installRuntime());

test.each([
  ['is refused by the kept histories', false, ['DeterminismViolationError', 'DeterminismViolationError']],
  ['that is guarded with patched is not', true, [undefined, undefined]],
])('a workflow with a step more %s', async (_, isGuarded, expected) => {
  const errors: (string | undefined)[] = [];
  for await (const { error } of replays(changedBundle(['CanaryRelease', 'ReleaseLane'], isGuarded), kept))
    errors.push(error?.constructor.name);
  expect(errors).toEqual(expected);
});
