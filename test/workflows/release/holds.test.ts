import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Hold, HoldName } from '../../../src/contract/hold.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ada, heldFor, refusal, say, statusOf } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { fullTest, rows } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('holds', () => ({
  env: { CANARY_HOLD_TIMEOUT: '20s', CANARY_UPDATE_TIMEOUT: '300ms' },
  retryBudgetMs: { registry: 2_000, secret: 1_000, smoke: 4_000 },
}));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

describe('approval', () => {
  test('is waited for when it is required, and promotes in the name of who gave it', async () => {
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    const hold = await heldFor(gate(), handle, 'approval');
    expect(await statusOf(gate(), handle)).toMatchObject({
      phase: 'awaiting-approval',
      why: 'approval: approval is required',
      commands: expect.objectContaining({ approve: { isAllowed: true, text: 'promote' } }),
    });
    expect(await gate().latest()).toEqual(old);

    expect(await refusal(handle, 'approve', { ...ada, hold: 'h9' })).toBe(
      `approve refused: that hold has ended; the current one is ${hold.id} (approval)`,
    );
    expect(await refusal(handle, 'retry', ada)).toContain('retry does not apply to approval');
    expect(await say(handle, 'approve', ada)).toBe('approve accepted: promote');

    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      decisions: [{ verb: 'approve', by: 'ada', reason: 'looked at it', holdName: 'approval' }],
    });
    expect(await gate().latest()).toEqual(digests);
  });

  test('applies to one hold of one run: neither the next run of the same build accepts it, nor another build', async () => {
    const { sha } = await gate().greenBuild();
    const first = await gate().release({ sha, approval: 'required' });
    const was = await heldFor(gate(), first, 'approval');
    await say(first, 'abort', ada);
    await awaitRunEnd(first);
    const next = await gate().release({ sha, approval: 'required' });
    const now = await heldFor(gate(), next, 'approval');
    const stale = (hold: Hold) => `approve refused: that hold has ended; the current one is ${hold.id} (approval)`;
    expect(await refusal(next, 'approve', { ...ada, hold: was.id })).toBe(stale(now));
    await say(next, 'abort', ada);

    const other = await gate().greenBuild();
    const another = await gate().release({ sha: other.sha, approval: 'required' });
    const theirs = await heldFor(gate(), another, 'approval');

    expect(await refusal(another, 'approve', { ...ada, hold: was.id })).toBe(stale(theirs));
    expect(await refusal(another, 'approve', { ...ada, hold: now.id })).toBe(stale(theirs));
    expect(await gate().latest()).toEqual(old);

    await say(another, 'approve', { ...ada, hold: theirs.id });
    expect((await awaitRunEnd(another)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(other.digests);
  });

  test('by promoteOnly is its own: no wait, no smoke, and the report says so', async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    const handle = await gate().release({ sha, promoteOnly: true, requestedBy: 'ada', reason: 'hotfix' });
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      why: expect.stringContaining('NOT TESTED BY CANARY'),
      notTested: [{ kind: 'not-tested', text: 'NOT TESTED BY CANARY' }],
    });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest('that no person gives expires, and nothing moves', async () => {
    const impatient = { ...gate().env, CANARY_HOLD_TIMEOUT: '200ms' };
    await gate().stopWorker();
    await gate().startWorker(impatient);
    const { sha } = await gate().greenBuild();
    const { report } = await awaitRunEnd(await gate().release({ sha, approval: 'required' }));
    await gate().stopWorker();
    await gate().startWorker();
    expect(report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: 'approval: approval is required; no person decided',
    });
    expect(await gate().latest()).toEqual(old);
  });
});

describe('a hold has decisions, and each does what it says', () => {
  fullTest('canary-not-updated: refused to approve; retry waits again', async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    gate().deploy({ sha: OLD });
    const handle = await gate().release({ sha });
    const { id } = await heldFor(gate(), handle, 'canary-not-updated');
    expect(await refusal(handle, 'approve', { ...ada, hold: id })).toContain(
      'approve does not apply to canary-not-updated',
    );
    gate().deploy({ sha });
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest(
    'build-unreported: approve continues as unconfirmed, and the release is held once more before it promotes',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      gate().deploy({ sha, misbehave: 'no-build' });
      const handle = await gate().release({ sha });
      const first = await heldFor(gate(), handle, 'build-unreported');
      await say(handle, 'approve', { ...ada, hold: first.id });
      const second = await heldFor(gate(), handle, 'approval');
      expect(second.why).toContain('unconfirmed');
      await say(handle, 'approve', { ...ada, hold: second.id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        why: expect.stringContaining('unconfirmed'),
      });
      expect(await gate().latest()).toEqual(digests);
    },
  );

  fullTest('could-not-test: retry asks those tenants again', async () => {
    const { sha, digests } = await gate().greenBuild();
    gate().tenants[1]?.run({ sha, misbehave: 'reject-commit' });
    const handle = await gate().release({ sha });
    const { id } = await heldFor(gate(), handle, 'could-not-test');
    gate().tenants[1]?.run({ sha });
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted', notTested: [] });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest(
    'could-not-test: approve continues without that evidence, and the release is held once more before it promotes',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      gate().tenants[1]?.run({ sha, misbehave: 'reject-commit' });
      const handle = await gate().release({ sha });
      const first = await heldFor(gate(), handle, 'could-not-test');
      await say(handle, 'approve', { ...ada, hold: first.id });
      const second = await heldFor(gate(), handle, 'approval');
      expect(second.why).toContain('could not test canary-2: memory commit accepted');
      expect(await gate().latest()).toEqual(old);
      await say(handle, 'approve', { ...ada, hold: second.id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        notTested: expect.arrayContaining([
          {
            kind: 'could-not-test',
            about: 'canary-2: memory commit accepted',
            text: 'could not test canary-2: memory commit accepted',
          },
        ]),
      });
      expect(await gate().latest()).toEqual(digests);
    },
  );

  fullTest('build-unreported: retry asks the tenants again', async () => {
    const { sha, digests } = await gate().greenBuild();
    gate().deploy({ sha, misbehave: 'no-build' });
    const handle = await gate().release({ sha });
    const { id } = await heldFor(gate(), handle, 'build-unreported');
    gate().deploy({ sha });
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted', notTested: [] });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest('latest-moved: retry reads again, and promotes once it is back where it was', async () => {
    const { sha, digests } = await gate().greenBuild();
    const other = newSha();
    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    await gate().begin(other);
    const { id } = await heldFor(gate(), handle, 'latest-moved');
    await gate().setLatest(OLD);
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });

  test.each<[hold: HoldName, misbehave: string]>([
    ['build-unreported', 'no-build'],
    ['could-not-test', 'reject-commit'],
  ])('%s: abort ends the release there, and nothing moves', async (name, misbehave) => {
    const { sha } = await gate().greenBuild();
    gate().deploy({ sha, misbehave });
    const handle = await gate().release({ sha });
    const { id } = await heldFor(gate(), handle, name);
    await say(handle, 'abort', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryAborted',
      why: 'aborted by ada: looked at it',
    });
    expect(await gate().latest()).toEqual(old);
  });

  fullTest('build-repushed: retry starts over, and promotes what it then tested once a person approves', async () => {
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    const again = await gate().publish(sha, { platforms: ['linux/amd64'] });
    const { id } = await heldFor(gate(), handle, 'build-repushed');
    await say(handle, 'retry', { ...ada, hold: id });
    // The tenants were not restarted: they still run the earlier image, and report the same build.
    const { why } = await heldFor(gate(), handle, 'approval');
    expect(why).toMatch(
      / was pushed again during this release: a tenant that was not restarted since runs the earlier /,
    );
    expect(await gate().latest()).not.toEqual(again);
    // Another start-over does not forget it.
    gate().deploy({ sha: newSha() });
    const late = await heldFor(gate(), handle, 'canary-not-updated');
    gate().deploy({ sha });
    await say(handle, 'retry', { ...ada, hold: late.id });
    expect((await heldFor(gate(), handle, 'approval')).why).toBe(why);
    await say(handle, 'approve', ada);
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      notTested: [{ kind: 'repushed' }, {}],
    });
    expect(await gate().latest()).toEqual(again);
  });

  test('build-repushed: a release that starts over does not adopt a :latest that was moved from outside in the meantime', async () => {
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    await gate().publish(sha, { platforms: ['linux/amd64'] });
    const theirs = await gate().begin(newSha());
    const { id } = await heldFor(gate(), handle, 'build-repushed');
    await say(handle, 'retry', { ...ada, hold: id });
    await heldFor(gate(), handle, 'approval');
    await say(handle, 'approve', ada);
    await heldFor(gate(), handle, 'latest-moved');
    expect(await gate().latest()).toEqual(theirs);
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  });

  fullTest('latest-moved: approved it promotes over exactly the digests shown', async () => {
    const [{ sha, digests }, other] = [await gate().greenBuild(), newSha()];
    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    const theirs = await gate().publish(other);
    await gate().retag(other, 'latest');
    const { id, why } = await heldFor(gate(), handle, 'latest-moved');
    for (const digest of theirs) expect(why).toContain(digest);
    await say(handle, 'approve', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      images: theirs.map((previous) => ({ previous })),
    });
    expect(await gate().latest()).toEqual(digests);
  });
});

describe('abort', () => {
  beforeAll(async () => {
    await gate().stopWorker();
    await gate().startWorker({ ...gate().env, CANARY_UPDATE_TIMEOUT: '20s' });
  });
  test.each(rows(['awaiting-canary', 'soaking', 'awaiting-approval'], ['soaking']))(
    'while %s ends the release at once, in the name of the person who aborted',
    async (phase) => {
      const { sha } = await gate().greenBuild();
      if (phase === 'awaiting-canary') gate().deploy({ sha: OLD });
      const handle = await gate().release({ sha, approval: 'required', soak: phase === 'soaking' ? '1h' : '100ms' });
      await until(`it is ${phase}`, async () => (await gate().phase(handle)) === phase);
      const began = Date.now();
      expect(await say(handle, 'abort', { by: 'bob', reason: 'wrong build' })).toBe('abort accepted: the release ends');
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'CanaryAborted',
        why: 'aborted by bob: wrong build',
      });
      expect(Date.now() - began).toBeLessThan(5_000);
      expect(await gate().latest()).toEqual(old);
    },
  );
});

describe('messages that cannot break a run', () => {
  test('signals of every invalid shape, and one that cannot be decoded, are refused with a reason; the next one is accepted', async () => {
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    await heldFor(gate(), handle, 'approval');
    for (const args of [[], ['yes'], [null], [1, 2], [{}], [{ by: 'ada' }], [[ada]]])
      await handle.signal('approve', ...args);
    await signalBytes(handle, 'approve', 'json/plain', '{broken');
    await signalBytes(handle, 'approve', 'binary/foreign', 'x');
    const refusals = await until('all are refused', async () => {
      const found = (await statusOf(gate(), handle))?.refusals;
      return found?.length === 9 ? found : null;
    });
    for (const line of refusals)
      expect(line).toMatch(
        /^approve refused: (its payload is .+: expected an object, e\.g\. \{|it needs by and reason, e\.g\. \{)/,
      );
    expect(await gate().latest()).toEqual(old);
    await handle.signal('approve', ada);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});

/** A signal whose payload is just these bytes, as another client might send it. */
function signalBytes(handle: WorkflowHandle, signalName: string, encoding: string, data: string) {
  return gate().client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId },
    signalName,
    input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }] },
  });
}
