import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashOf, MANIFEST, released, releases } from '../scripts/histories/manifest.mjs';
import { TRACE_HEADER } from '../src/domain/payloads/trace.js';
import { installRuntime, workflowBundle } from './support/gate.js';
import { type KeptHistory, replays } from './support/replay.js';

const folder = join(import.meta.dirname, 'histories');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort();

const root = join(import.meta.dirname, '..');
const lines = readFileSync(join(root, MANIFEST), 'utf8')
  .split('\n')
  .filter((line) => line !== '');

describe('the manifest', () => {
  test('has each kept history as it was recorded, and the commit of its recording', () => {
    const listed = lines.map((line) => line.split('  '));
    expect(listed.map(([, , file]) => file).sort()).toEqual(files);
    for (const [hash, commit, file = ''] of listed) {
      expect(hashOf(folder, file), `${file} is not what was recorded: restore it`).toBe(hash);
      expect(commit).toMatch(/^[0-9a-f]{7,40}$/);
    }
  });

  test('has every line of each release: a history that was released stays', () => {
    for (const tag of releases(root)) expect(lines, tag).toEqual(expect.arrayContaining(released(root, tag)));
  });
});

test('there are kept histories of every workflow', () => {
  const types = new Set(files.map((name) => name.split('.')[1]));
  expect([...types].sort()).toEqual([
    'AddCanaryTenant',
    'CanaryRelease',
    'CheckDrift',
    'DeliverEvents',
    'MoveLatest',
    'ReleaseLane',
    'Rollback',
    'WatchProduction',
  ]);
});

const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptHistory;
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** The same history, as if the run had been started within a trace. Its commands were recorded without. */
function traced(name: string): KeptHistory {
  const kept = read(name);
  const carrier = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const payload = { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(carrier)) };
  const [first] = (kept.history as { events?: Record<string, object>[] }).events ?? [];
  Object.assign(first?.workflowExecutionStartedEventAttributes ?? {}, {
    header: { fields: { [TRACE_HEADER]: payload } },
  });
  return kept;
}

/** What keeps each of them from being replayed; of one that does, undefined. */
const faults = new Map<string, unknown>();
beforeAll(async () => {
  await installRuntime();
  const all = [...files.map(read), ...files.map(traced)];
  // One worker for all: making one takes longer than a replay. Answers come in the order of the histories.
  let nth = 0;
  for await (const { error } of replays(workflowBundle(), all)) {
    const name = files[nth % files.length] ?? '';
    faults.set(nth < files.length ? name : `${name}, traced`, error);
    nth += 1;
  }
});

test.each(files.flatMap((name) => [name, `${name}, traced`]))('%s replays against the code of today', (name) => {
  expect([...faults.keys()]).toContain(name);
  expect(faults.get(name)).toBeUndefined();
});
