import { describe, expect, test } from 'vitest';
import { taskQueue } from '../../../src/contract/ids.js';
import type { ReleaseReport } from '../../../src/contract/release.js';
import { parseReleaseInput } from '../../../src/domain/inputs.js';
import { laneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startRelease } from '../../../src/temporal/start.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { adopted, arrive, inQueue, laneState, promoted, queuedRelease } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { after, catchIn, delayRequests, isTagRead } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';

const { registry, gate, writes, pairs } = await useCountedGate('lane-order');

type Handle = Awaited<ReturnType<ReturnType<typeof gate>['release']>>;
const reportOf = async (handle: Handle) => (await awaitRunEnd(handle)).report as ReleaseReport;
const superseded = (sha: string) => ({ outcome: 'superseded', why: `superseded by ${sha}` });

describe('builds that come one after the other', () => {
  test('two in a row are promoted in order; no tenant is asked for the second before the first has ended', async () => {
    const a = await catchIn('soaking', gate(), registry);
    const b = await queuedRelease(gate());
    const first = await reportOf(a.handle);
    gate().deploy({ sha: b.sha });
    const second = await reportOf(b.handle);

    expect([first, second]).toMatchObject([
      { outcome: 'promoted', images: a.digests.map((digest) => ({ digest })) },
      { outcome: 'promoted', images: b.digests.map((digest, image) => ({ digest, previous: a.digests[image] })) },
    ]);
    expect(writes()).toEqual(pairs(2));
    // The one that read all of it event by event knows what a first reader finds.
    const { history } = (await laneState(gate())).ledger;
    expect(history).toEqual((await laneClient(gate().client, gate().lane).state())?.ledger.history);
    // The watch of a soak only reads: a smoke in it would be that of the other build.
    const soak = first.phases.find(({ phase }) => phase === 'soaking');
    const [from, to] = [soak?.since, soak?.until].map((at) => Date.parse(at ?? ''));
    const asked = gate().tenants.flatMap(({ requests }) =>
      requests.filter(({ at, method }) => at > Number(from) && at < Number(to) && method !== 'GET'),
    );
    expect(asked).toEqual([]);
    const isOurs = ({ path }: { path: string }) => path.startsWith(`/v2/${gate().lane}/`);
    const took = registry.requests.filter(isOurs);
    const looked = took.findIndex((request) => isTagRead(b.sha)(request));
    expect(took.slice(0, looked).filter((request) => isPut()(request)).length).toBeGreaterThanOrEqual(2);
    expect(took[looked]?.at).toBeGreaterThanOrEqual(Date.parse(first.ended));
  });

  fullTest('of ten within one soak one runs, one is kept, and eight end superseded by a newer one', async () => {
    const soaking = await catchIn('soaking', gate(), registry);
    // However slow the machine: the first does not come to its end before the others are there.
    const last = delayRequests({ gate: gate(), registry }, after(1, isTagRead(soaking.sha)));
    const others = await Promise.all(
      Array.from({ length: 9 }, (_, index) => arrive(gate(), { sequence: 1_000 + index })),
    );
    const newest = others[8] as (typeof others)[number];
    const ends = await Promise.all(others.slice(0, 8).map(({ handle }) => reportOf(handle)));
    expect((await laneState(gate())).queue.map(({ sha }) => sha)).toEqual([newest.sha]);
    expect(writes()).toEqual([]);
    ends.forEach(({ outcome, why }, index) => {
      expect(outcome).toBe('superseded');
      expect(others.slice(index + 1).map(({ sha }) => `superseded by ${sha}`)).toContain(why);
    });

    last.release();
    expect(await reportOf(soaking.handle)).toMatchObject({ outcome: 'promoted' });
    gate().deploy({ sha: newest.sha });
    expect(await reportOf(newest.handle)).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(newest.digests);
    expect(writes()).toEqual(pairs(2));
  });
});

describe('an older build', () => {
  test('that joins the queue while a newer one holds the lane is superseded once that one is promoted', async () => {
    const newer = await catchIn('awaiting-approval', gate(), registry, { sequence: 2_020 });
    const older = await arrive(gate(), { sequence: 2_010 });
    await inQueue(gate(), older.sha);
    await newer.goOn();
    expect(await reportOf(newer.handle)).toMatchObject({ outcome: 'promoted' });
    expect(await reportOf(older.handle)).toMatchObject(superseded(newer.sha));
    expect(writes()).toEqual(pairs(1));
  });

  fullTest(
    'that joins the queue while a newer one holds the lane acquires it when that one is aborted: it is then the newest',
    async () => {
      const newer = await catchIn('awaiting-approval', gate(), registry, { sequence: 3_020 });
      const older = await arrive(gate(), { sequence: 3_010 });
      await inQueue(gate(), older.sha);
      await say(newer.handle, 'abort', ada);
      gate().deploy({ sha: older.sha });
      expect(await reportOf(older.handle)).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(older.digests);
    },
  );

  fullTest('that asks after a newer one was promoted is superseded by it', async () => {
    const newer = await catchIn('awaiting-approval', gate(), registry, { sequence: 4_020 });
    await newer.goOn();
    await reportOf(newer.handle);
    expect(await reportOf((await arrive(gate(), { sequence: 4_010 })).handle)).toMatchObject(superseded(newer.sha));
    expect(await gate().latest()).toEqual(newer.digests);
  });

  fullTest('without a sequence is the one that was seen first: what was passed by does not come back', async () => {
    const seen = await catchIn('awaiting-approval', gate(), registry);
    await say(seen.handle, 'abort', ada);
    await awaitRunEnd(seen.handle);
    const newer = await adopted(gate());
    gate().deploy({ sha: seen.sha });
    expect(await reportOf(await gate().release({ sha: seen.sha }))).toMatchObject(superseded(newer.sha));
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('that was promoted once and replaced since is superseded when its job is run again', async () => {
    const old = await promoted(gate());
    const newer = await adopted(gate());
    gate().deploy({ sha: old.sha });
    for (const more of [{}, { sequence: Number.MAX_SAFE_INTEGER }])
      expect(await reportOf(await gate().release({ sha: old.sha, ...more }))).toMatchObject(superseded(newer.sha));
    expect(await gate().latest()).toEqual(newer.digests);
    expect(writes()).toEqual(pairs(2));
  });

  fullTest('is promoted with force and an approval, and other builds are then compared with it', async () => {
    const old = await adopted(gate());
    const newer = await adopted(gate());
    gate().deploy({ sha: old.sha });
    const handle = await gate().release({ sha: old.sha, force: true, reason: 'the newer one is slow' });
    const hold = await heldFor(gate(), handle, 'approval');
    expect(hold.why).toContain('approval is required');
    expect(writes()).toEqual(pairs(2));
    await say(handle, 'approve', { ...ada, hold: hold.id });
    expect(await reportOf(handle)).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(old.digests);
    const { newestPromoted, order } = (await laneState(gate())).ledger;
    expect(newestPromoted).toEqual({ sha: old.sha, key: order[old.sha.slice(0, 7)] });
    expect(newestPromoted?.key.seen).toBeLessThan(order[newer.sha.slice(0, 7)]?.seen ?? 0);
  });
});

describe('the same build twenty times at once', () => {
  test('is one run with one pair of writes, and all get its outcome; with other input it is refused', async () => {
    const { sha, digests } = await gate().greenBuild();
    const input = parseReleaseInput({ sha, soak: '2s' });
    const { client, lane } = gate();
    const plainly = () =>
      client.workflow.start('CanaryRelease', {
        workflowId: `${lane}-canary-release-${sha.slice(0, 7)}`,
        taskQueue: taskQueue(lane),
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [input],
      });
    const handles = await Promise.all(
      Array.from({ length: 10 }, () => [startRelease(client, lane, input), plainly()]).flat(),
    );
    gate().keep(handles[0] as Handle);
    expect(new Set(handles.map(({ firstExecutionRunId }) => firstExecutionRunId)).size).toBe(1);
    await expect(startRelease(client, lane, parseReleaseInput({ sha, soak: '9m' }))).rejects.toThrow(
      /is already running with other input/,
    );

    const reports = await Promise.all(handles.map((handle) => reportOf(handle as Handle)));
    expect(new Set(reports.map((report) => JSON.stringify(report))).size).toBe(1);
    expect(reports[0]).toMatchObject({ outcome: 'promoted', sha });
    expect(await gate().latest()).toEqual(digests);
    expect(writes()).toEqual(pairs(1));
  });
});
