import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { adoptedAlone } from '../../activities/border/images.js';
import type { LedgerEntry } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';

const SHA = parseSha('4c1d56e');
const imageOf = (name: string) => ({ repository: `registry.example/acme/${name}`, digest: `sha256:${'a'.repeat(64)}` });

/** What is left where it is, if `CANARY_IMAGES` is the platform alone. */
function left(...entries: { kind: LedgerEntry['kind']; names: string[] }[]) {
  const state = emptyLane();
  for (const { kind, names } of entries) {
    const entry = { kind, sha: SHA, by: 'ada', reason: 'as it is', at: '2026-11-25T06:00:00.000Z' };
    record(state.ledger, { ...entry, images: names.map(imageOf) } as never);
  }
  const worker = { config: { images: [imageOf('platform').repository] }, lane: { state: async () => state } };
  return new MockActivityEnvironment().run(() => adoptedAlone(worker as never, SHA));
}

test('are those that a person adopted with it, and not those that the gate moved to it', async () => {
  const names = ['platform', 'removed'];
  expect(await left({ kind: 'adopted', names })).toEqual([imageOf('removed').repository]);
  expect(await left({ kind: 'promotion', names })).toEqual([]);
  expect(await left({ kind: 'promotion', names }, { kind: 'adopted', names: [...names, 'payroll'] })).toEqual([
    imageOf('payroll').repository,
  ]);
});

test('are none if it has no others: the border refuses what a person alone put there', async () => {
  expect(await left({ kind: 'adopted', names: ['removed'] })).toEqual([]);
  expect(await left()).toEqual([]);
});
