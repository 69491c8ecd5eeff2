import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HoldName } from '../../../src/contract/hold.js';
import type { ReleaseReport, ReleaseStatus } from '../../../src/contract/release.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ada, heldFor, refusal, say, statusOf } from '../../support/decisions.js';
import { logged, useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const SOAK_MS = 3_000;
/** Longest time without a probe within a soak: three intervals of at least a second. */
const GAP_MS = 3_000;

const gate = useGate('unstable', () => ({
  env: { CANARY_SOAK: `${SOAK_MS}ms`, CANARY_SOAK_PROBE: '200ms', CANARY_HOLD_TIMEOUT: '60s' },
}));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

type Started = Awaited<ReturnType<typeof start>>;
async function start(input: { approval?: 'required' } = {}) {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha, ...input });
  return { sha, digests, handle };
}
const reach = (run: Started, what: string, is: (status: ReleaseStatus) => boolean) =>
  until(what, async () => {
    const now = await statusOf(gate(), run.handle);
    return now && is(now) ? now : null;
  });
const inPhase = (run: Started, phase: string) => reach(run, `it is ${phase}`, (now) => now.phase === phase);
const held = ({ handle }: Started, name: HoldName) => heldFor(gate(), handle, name);
const soaksAgain = (run: Started) =>
  reach(
    run,
    'it soaks again',
    ({ phase, interruptions = [] }) => phase === 'soaking' && interruptions.every(({ to }) => to),
  );
const interrupted = (run: Started, times: number) =>
  reach(run, `it was interrupted ${times} times`, ({ interruptions = [] }) => interruptions.length >= times);
const reportOf = async ({ handle }: Started) => (await awaitRunEnd(handle)).report as ReleaseReport;
const canary = () => {
  const [one] = gate().tenants;
  if (!one) throw new Error('the gate has tenants');
  return one;
};

describe('a canary that is away for a part of the soak', () => {
  fullTest('makes the release soak from zero, and the report says what was seen', async () => {
    const run = await start();
    await inPhase(run, 'soaking');
    await canary().crash();
    await interrupted(run, 1);
    expect(await gate().latest()).toEqual(old);
    await canary().recover();
    const back = Date.now();

    const report = await reportOf(run);
    expect(report.outcome).toBe('promoted');
    const { watched, interruptions } = report;
    expect(Date.parse(watched?.from ?? '')).toBeGreaterThanOrEqual(back);
    expect(watched?.watchedMs).toBeGreaterThanOrEqual(SOAK_MS);
    expect(interruptions).toEqual([
      {
        tenant: 'canary-1',
        from: expect.any(String),
        to: expect.any(String),
        answered: expect.stringMatching(/ECONNREFUSED|no answer/),
      },
    ]);
    expect(await gate().latest()).toEqual(run.digests);
  });

  fullTest('holds the release the third time, and is never promoted without another soak', async () => {
    const run = await start();
    for (const times of [1, 2, 3]) {
      await soaksAgain(run);
      await canary().crash();
      await interrupted(run, times);
      await canary().recover();
    }
    const hold = await held(run, 'canary-unstable');
    expect(hold.why).toMatch(
      /^interrupted 3 times: canary-1 from .*(ECONNREFUSED|no answer).*; canary-1 from .*; canary-1 from /,
    );
    expect(await refusal(run.handle, 'approve', { ...ada, hold: hold.id })).toMatch(
      /does not apply to canary-unstable/,
    );
    await say(run.handle, 'retry', { ...ada, hold: hold.id });
    const retried = Date.now();
    const { outcome, watched } = await reportOf(run);
    expect(outcome).toBe('promoted');
    expect(Date.parse(watched?.from ?? '')).toBeGreaterThanOrEqual(retried);
  });
});

describe('while a person is asked', () => {
  fullTest(
    'a canary that falls silent takes the question back, and an approval of the older picture is refused',
    async () => {
      const run = await start({ approval: 'required' });
      const first = await held(run, 'approval');
      await canary().crash();
      await interrupted(run, 1);
      expect(await refusal(run.handle, 'approve', { ...ada, hold: first.id })).toBe(
        'approve refused: that hold has ended',
      );
      await canary().recover();
      const second = await held(run, 'approval');
      expect(second.id).not.toBe(first.id);
      expect(await gate().latest()).toEqual(old);
      await say(run.handle, 'approve', { ...ada, hold: second.id });
      expect(await reportOf(run)).toMatchObject({ outcome: 'promoted' });
    },
  );

  fullTest('a canary that turns red ends the release', async () => {
    const run = await start({ approval: 'required' });
    await held(run, 'approval');
    gate().deploy({ sha: run.sha, misbehave: 'empty-subsystems' });
    expect(await reportOf(run)).toMatchObject({
      outcome: 'CanaryRejected',
      why: expect.stringMatching(/^RED, twice in a row: canary-1: liveness/),
    });
    expect(await gate().latest()).toEqual(old);
  });
});

describe('time that no worker watched does not count', () => {
  const withoutWorker = async () => {
    await gate().stopWorker();
    const stopped = Date.now();
    await until('the gap is too long', () => Date.now() - stopped > GAP_MS + 500);
    await gate().startWorker();
    return Date.now();
  };

  test('as a soak', async () => {
    const run = await start();
    await inPhase(run, 'soaking');
    const back = await withoutWorker();
    const { outcome, watched, interruptions } = await reportOf(run);
    expect({ outcome, interruptions }).toEqual({ outcome: 'promoted', interruptions: undefined });
    expect(Date.parse(watched?.from ?? '')).toBeGreaterThanOrEqual(back);
    expect(watched?.watchedMs).toBeGreaterThanOrEqual(SOAK_MS);
  });

  fullTest(
    'as a wait for an approval: the build is soaked and smoked again before it is asked about again',
    async () => {
      const run = await start({ approval: 'required' });
      const first = await held(run, 'approval');
      const back = await withoutWorker();
      const { hold: second } = await reach(run, 'it asks again', ({ hold }) => hold !== null && hold.id !== first.id);
      await say(run.handle, 'approve', { ...ada, hold: second?.id ?? '' });
      const { outcome, watched } = await reportOf(run);
      expect(outcome).toBe('promoted');
      expect(Date.parse(watched?.from ?? '')).toBeGreaterThanOrEqual(back);
    },
  );

  fullTest('as the last moment before the move', async () => {
    const run = await start({ approval: 'required' });
    const { id } = await held(run, 'approval');
    await gate().stopWorker();
    const stopped = Date.now();
    await run.handle.signal('approve', { ...ada, hold: id });
    await until('the gap is too long', () => Date.now() - stopped > GAP_MS + 500);
    await gate().startWorker();
    const { lostProof } = await reach(run, 'it asks again', ({ hold: now }) => now !== null && now.id !== id);
    expect(lostProof?.why).toMatch(/^no worker watched /);
    expect(logged.map(({ meta }) => meta)).toContainEqual(
      expect.objectContaining({ tenants: [], why: lostProof?.why }),
    );
    expect(await gate().latest()).toEqual(old);
    await run.handle.signal('abort', ada);
    await awaitRunEnd(run.handle);
  });
});
