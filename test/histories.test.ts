import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { installRuntime, workflowBundle } from './support/gate.js';
import { type KeptHistory, replays } from './support/replay.js';

const folder = join(import.meta.dirname, 'histories');
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are kept histories of every workflow', () => {
  const types = new Set(files.map((name) => name.split('.')[1]));
  expect([...types].sort()).toEqual([
    'CanaryRelease',
    'CheckDrift',
    'MoveLatest',
    'ReleaseLane',
    'Rollback',
    'WatchProduction',
  ]);
});

/** What keeps each of them from being replayed; of one that does, undefined. */
const faults = new Map<string, unknown>();
beforeAll(async () => {
  await installRuntime();
  const kept = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptHistory);
  // One worker for all: making one takes longer than a replay. Answers come in the order of the histories.
  let nth = 0;
  for await (const { error } of replays(workflowBundle(), kept)) faults.set(files[nth++] ?? '', error);
});

test.each(files)('%s replays against the code of today', (name) => {
  expect([...faults.keys()]).toContain(name);
  expect(faults.get(name)).toBeUndefined();
});
