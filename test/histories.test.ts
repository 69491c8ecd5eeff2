import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { installRuntime, workflowBundle } from './support/gate.js';
import type { KeptHistory } from './support/replay.js';

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

test.each(files)('%s replays against the code of today', async (name) => {
  installRuntime();
  const { workflowId, history } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptHistory;
  await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, history, workflowId);
});
