import { describe, expect, onTestFinished, test } from 'vitest';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import { resetFix } from '../../src/temporal/records/trouble.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { ada, say } from '../support/decisions.js';
import { type arrive, promoted, queuedRelease, stuckHolder } from '../support/lanes.js';
import { catchIn } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const { gate, registry } = await useCountedGate('status-lane');
const canary = (...args: string[]) => run(args, { CANARY_LANE: 'status-lane' });
const status = async () => (await canary('status')).out;

const abort = async (...handles: Awaited<ReturnType<typeof arrive>>['handle'][]) => {
  for (const handle of handles) {
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  }
};

describe('canary status of the lane', () => {
  fullTest(
    'prints that promotion is automatic, the holder, when it moves :latest at the earliest, and the queue',
    async () => {
      const { sha, handle } = await catchIn('soaking', gate(), registry, { soak: '60s' });
      const next = await queuedRelease(gate());
      const { out } = await canary('status');
      const { until: soaksUntil } = JSON.parse((await canary('status', sha, '--json')).out.join()) as { until: string };
      const from = out.indexOf('lane     automatic ON');
      const earliest = `${soaksUntil.slice(0, 19).replace('T', ' ')} UTC`;
      expect(out.slice(from + 1, from + 3)).toEqual([
        expect.stringMatching(
          new RegExp(`^holder   ${sha} since .* \\(\\d+s\\): soaking, moves :latest at ${earliest} at the earliest$`),
        ),
        expect.stringMatching(new RegExp(`^queued   1\\. ${next.sha}`)),
      ]);
      expect(out.filter((line) => line.includes(next.sha.slice(0, 7)))).toHaveLength(1);
      await abort(next.handle, handle);
    },
  );

  fullTest('prints what is ahead of a queued release', async () => {
    const first = await catchIn('awaiting-approval', gate(), registry);
    const next = await queuedRelease(gate());
    const manual = await queuedRelease(gate(), { promoteOnly: true, requestedBy: 'ada', reason: 'at once' });
    const before = `  ahead in the queue: ${first.sha} (awaiting-approval)`;
    expect((await canary('status', manual.sha)).out).toContain(before);
    expect((await canary('status', next.sha)).out).toContain(`${before}, then ${manual.sha}`);
    expect(JSON.parse((await canary('status', next.sha, '--json')).out.join())).toMatchObject({
      before: [{ sha: first.sha, phase: 'awaiting-approval' }, { sha: manual.sha }],
    });
    await abort(next.handle, manual.handle, first.handle);
  });

  fullTest(
    'prints hold and pause first, by whom, why, and what lifts them; a known-bad build is no rollback target',
    async () => {
      const [before, good] = [await promoted(gate()), await promoted(gate())];
      await promoted(gate());
      await awaitRunEnd(await gate().rollback({ sha: good.sha, reason: 'it is slow', requestedBy: 'ada' }));
      await gate().laneClient.update(laneCommandUpdate('pause'), ada);
      onTestFinished(async () => void (await gate().laneClient.update(laneCommandUpdate('resume'), ada)));
      const out = await status();
      expect(out.slice(0, 4)).toEqual([
        expect.stringMatching(
          /^HELD {5}automatic promotion: after-rollback, by ada \d+s ago: a rollback to .* was begun by ada: it is slow$/,
        ),
        expect.stringMatching(/^ {9}canary lane unhold --reason … .*the next GREEN build waits for approval$/),
        expect.stringMatching(/^PAUSED {3}by ada \d+s ago, until canary resume: looked at it$/),
        '         canary resume --reason …',
      ]);
      expect(out).not.toContain('lane     automatic ON');
      expect(out.find((line) => line.startsWith('live'))).toMatch(
        new RegExp(`^live     ${good.sha} for \\d+s: rolled back, by ada$`),
      );
      expect(out).toContain(`         back: canary rollback ${before.sha} --reason …`);
    },
  );

  fullTest('prints once why its holder is stuck, with the fix, and then how to drop it', async () => {
    const { sha, handle } = await stuckHolder(gate());
    const out = await until('its task has failed more than once', async () => {
      const lines = await status();
      const at = lines.findIndex((line) => line.startsWith('STOPPED') && line.includes('failed'));
      return at < 0 ? null : lines.slice(at);
    });
    const lines = [
      expect.stringMatching(`^STOPPED  ${handle.workflowId} is stuck: its workflow task has failed \\d+ times$`),
      `         ${resetFix(handle.workflowId)}`,
      `         if that does not help: canary lane drop ${sha} --reason …, and the next release continues`,
    ];
    expect(out.slice(0, 3)).toEqual(lines);
    expect(out.filter((line) => /STOPPED|lane drop/.test(line))).toHaveLength(2);
    expect((await canary('queue')).out.slice(0, 3)).toEqual(lines);
    await gate().laneClient.update(laneCommandUpdate('drop'), { ...ada, sha });
    await handle.terminate('by the test');
  });

  test('prints that there is no lane yet', async () => {
    const { out } = await run(['status'], { CANARY_LANE: `none-${newSha().slice(0, 7)}` });
    expect(out).toContain('LANE     there is no lane yet: canary setup');
  });

  fullTest('prints what the lane recorded, without a worker too', async () => {
    const [before, { sha }] = [await promoted(gate()), await promoted(gate())];
    await gate().stopWorker();
    onTestFinished(() => gate().startWorker());
    const began = Date.now();
    const out = await status();
    expect(Date.now() - began).toBeLessThan(2_500);
    expect(out.find((line) => line.startsWith('live'))).toMatch(new RegExp(`^live     ${sha} for .*: promoted`));
    expect(out).toContain(`         back: canary rollback ${before.sha} --reason …`);
  });
});
