import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { laneCommandSignal, laneCommandUpdate } from '../../src/contract/messages.js';
import type { History, LaneView } from '../../src/lane/view.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { ada, say } from '../support/decisions.js';
import { endLane, laneState, promoted, queuedRelease } from '../support/lanes.js';
import { catchIn } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const { gate, registry, old } = await useCountedGate('cli-queue');
const canary = (args: string[], env: Record<string, string> = {}) => run(args, { CANARY_LANE: 'cli-queue', ...env });
const json = async <T>(...args: string[]) => JSON.parse((await canary([...args, '-o', 'json'])).out.join('\n')) as T;
const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC';
const short = (digest: string | null | undefined) => digest?.slice(7, 19);

describe('canary queue', () => {
  test('prints that a free lane has no holder', async () => {
    await until('it is free', async () => (await laneState(gate())).holder === null);
    expect(await canary(['queue'])).toEqual({ code: 0, out: ['holder   none'], err: [] });
  });

  fullTest('prints the holder, since when and its phase, and the queue, manual requests first', async () => {
    const first = await catchIn('awaiting-approval', gate(), registry);
    const next = await queuedRelease(gate(), { sequence: 12 });
    const manual = await queuedRelease(gate(), { promoteOnly: true, requestedBy: 'ada', reason: 'at once' });
    const { code, out } = await canary(['queue']);
    expect(code).toBe(0);
    expect(out).toEqual([
      expect.stringMatching(new RegExp(`^holder   ${first.sha} since ${TIME} \\(\\d+s\\): awaiting-approval$`)),
      `queued   1. ${manual.sha}, sequence 12, promoted by hand`,
      `queued   2. ${next.sha}, sequence 12`,
    ]);
    expect(await json('queue')).toMatchObject({
      holder: { sha: first.sha, phase: 'awaiting-approval' },
      queue: [
        { sha: manual.sha, manual: true },
        { sha: next.sha, sequence: 12, manual: false },
      ],
    });
    // In the printed order: the manual request first, then the other one.
    for (const { handle } of [manual, next, first]) {
      await say(handle, 'abort', ada);
      await awaitRunEnd(handle);
    }
  });

  test('prints what stops promotion, and the command that lifts it', async () => {
    await gate().laneClient.update(laneCommandUpdate('pause'), { ...ada, until: '2999-01-01T00:00:00.000Z' });
    await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it is slow', requestedBy: 'ada' }));
    const { out } = await canary(['queue']);
    expect(out.slice(0, 4)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^HELD     automatic promotion: after-rollback, by ada \\d+s ago: a rollback to ${old} was begun by ada: it is slow$`,
        ),
      ),
      '         canary lane unhold --reason …   promotion is automatic again, if :latest is where the last move left it; until then the next GREEN build waits for approval',
      expect.stringMatching(/^PAUSED {3}by ada \d+s ago, until 2999-01-01 00:00:00 UTC: looked at it$/),
      '         canary resume --reason …',
    ]);
    expect(await json<LaneView>('queue')).toMatchObject({ hold: { name: 'after-rollback' }, pause: { by: 'ada' } });
    await gate().laneClient.update(laneCommandUpdate('resume'), ada);
  });
});

describe('canary history', () => {
  fullTest('writes a page with the runs that ended, and the figures of them', async () => {
    const { sha } = await promoted(gate());
    const folder = mkdtempSync(join(tmpdir(), 'canary-history-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'history.html');
    const hasRun = async () => {
      expect(await canary(['history', '--html', file])).toMatchObject({ code: 0, out: [`wrote ${file}`], err: [] });
      return readFileSync(file, 'utf8').includes(`release ${sha.slice(0, 7)}: promoted, `);
    };
    // A list of runs lags.
    await until('the run is listed', hasRun);
    expect(readFileSync(file, 'utf8')).toContain('Deployment frequency');
  });

  fullTest('prints moves and known-bad builds, newest first, with who and why', async () => {
    const build = await promoted(gate());
    await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it is slow', requestedBy: 'ada' }));
    const oldDigests = (await gate().latest()).map(short);
    const { code, out } = await canary(['history', '--limit', '2']);
    const [platform, tenant] = build.digests.map(short);
    const images = (one?: string, other?: string) => `platform@${one} platform-tenant@${other}`;
    expect(code).toBe(0);
    expect(out.slice(0, 3)).toEqual([
      expect.stringMatching(
        new RegExp(`^${TIME}  rollback   ${old}  ${images(oldDigests[0], oldDigests[1])}  by ada: it is slow$`),
      ),
      expect.stringMatching(new RegExp(`^${TIME}  promotion  ${build.sha}  ${images(platform, tenant)}  by unknown: `)),
      expect.stringMatching(
        new RegExp(
          `^${TIME}  bad        ${build.sha.slice(0, 7)}[0-9a-f]*  ${platform} ${tenant}  by ada: it is slow$`,
        ),
      ),
    ]);
    const { moves, bad } = await json<History>('history');
    expect(moves.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['rollback', 'promotion', 'adopted']));
    expect(moves.map(({ at }) => at)).toEqual(
      moves
        .map(({ at }) => at)
        .sort()
        .reverse(),
    );
    expect(build.sha.startsWith(bad[0]?.sha ?? 'none')).toBe(true);
    expect(bad[0]).toMatchObject({ by: 'ada', reason: 'it is slow' });
  });

  test('takes a limit that is a number', async () => {
    const { code, err } = await canary(['history', '--limit', 'all']);
    expect([code, err]).toEqual([2, ['canary: --limit must be 1 to 9999, got all']]);
  });
});

describe('without a lane or a worker', () => {
  test.each(['queue', 'history'])('%s of no lane prints the fix', async (command) => {
    const none = { CANARY_LANE: `none-${newSha().slice(0, 7)}` };
    expect(await canary([command], none)).toEqual({ code: 0, out: ['there is no lane yet: canary setup'], err: [] });
    expect((await canary([command, '--json'], none)).out).toEqual(['null']);
  });

  test.each(['queue', 'history'])('%s needs no worker: it shows the same, and that messages wait', async (command) => {
    const before = await canary([command]);
    await gate().stopWorker();
    onTestFinished(() => gate().startWorker());
    const began = Date.now();
    expect(await canary([command])).toEqual(before);
    expect(Date.now() - began).toBeLessThan(2_500);
    await gate().laneClient.signal(laneCommandSignal('resume'), ada);
    if (command === 'queue')
      await until('that is told', async () =>
        (await canary([command])).out.includes(
          'LANE     the lane does not answer: start a worker (canary worker); if one is running, canary doctor names the cause',
        ),
      );
  });

  test('a lane that has ended is reported to come back', async () => {
    await endLane(gate());
    onTestFinished(() => gate().adopt());
    const { code, err } = await canary(['queue']);
    expect([code, err]).toEqual([
      4,
      [
        'canary: the lane has ended: the next release, or the check for drift every 5 minutes, starts it again, and it recovers its ledger',
      ],
    ]);
  });
});
