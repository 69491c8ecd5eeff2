import { beforeAll, describe, expect, test } from 'vitest';
import { CanaryOutcome, CanaryPhase, CanarySha, CanaryTenantsRed } from '../../../src/contract/search-attributes.js';
import { awaitRunEnd, queryStatus } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('release', () => ({ env: { CANARY_UPDATE_TIMEOUT: '3s', CANARY_SOAK_PROBE: '500ms' } }));
const OLD = newSha();

beforeAll(async () => {
  await gate().publish(OLD);
  await gate().setLatest(OLD);
});

describe('the good path', () => {
  test('a build that every tenant runs and passes gets :latest of both images, by the digests that were tested', async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    gate().deploy({ sha });

    const end = await awaitRunEnd(await gate().release({ sha }));

    expect(end.report).toMatchObject({
      outcome: 'promoted',
      images: digests.map((digest) => ({ digest, result: 'promoted' })),
    });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest('the same build once more moves nothing and is promoted anyway', async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    await gate().setLatest(sha);
    gate().deploy({ sha });

    const end = await awaitRunEnd(await gate().release({ sha }));

    expect(end.report).toMatchObject({ outcome: 'promoted', images: [{ result: 'already' }, { result: 'already' }] });
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest('starting it twice attaches to the run that is open', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const [first, second] = await Promise.all([gate().release({ sha }), gate().release({ sha })]);
    expect(second.firstExecutionRunId).toBe(first.firstExecutionRunId);
    gate().deploy({ sha });
    expect((await awaitRunEnd(first)).report).toMatchObject({ outcome: 'promoted' });
  });

  fullTest('what it waits for, and since when, can be queried and is listed', async () => {
    const sha = newSha();
    await gate().publish(sha);
    gate().deploy({ sha: OLD });
    const handle = await gate().release({ sha });
    const status = await until('it waits for the canary', async () => {
      const now = await queryStatus(gate().client, handle.workflowId);
      return now?.phase === 'awaiting-canary' ? now : null;
    });
    expect(status).toMatchObject({ sha, why: `every tenant must report ${sha}` });
    expect(Date.now() - Date.parse(status.since)).toBeLessThan(30_000);
    gate().deploy({ sha });
    await awaitRunEnd(handle);
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(CanarySha)).toBe(sha);
    expect(typedSearchAttributes.get(CanaryPhase)).toBe('done');
    expect(typedSearchAttributes.get(CanaryOutcome)).toBe('promoted');
  });
});

describe('the red path', () => {
  test('a build whose memory search is broken is refused by name, and :latest stays', async () => {
    const sha = newSha();
    const before = await gate().latest();
    await gate().publish(sha);
    gate().deploy({ sha, misbehave: 'memory-search' });

    const handle = await gate().release({ sha });
    const end = await awaitRunEnd(handle);

    expect(end.report).toMatchObject({
      outcome: 'CanaryRejected',
      why: 'RED: canary-1: memory search finds the probe, canary-2: memory search finds the probe',
    });
    expect((await handle.describe()).typedSearchAttributes.get(CanaryTenantsRed)).toEqual(['canary-1', 'canary-2']);
    expect(await gate().latest()).toEqual(before);
  });

  fullTest('one tenant that answers 500 with a page of the expected text is RED', async () => {
    const sha = newSha();
    const before = await gate().latest();
    await gate().publish(sha);
    gate().deploy({ sha });
    gate().tenants[1]?.run({ sha, misbehave: 'html-500' });

    const end = await awaitRunEnd(await gate().release({ sha }));

    expect(end.report).toMatchObject({
      outcome: 'CanaryRejected',
      why: expect.stringContaining('canary-2: liveness returns a subsystems map'),
    });
    expect(await gate().latest()).toEqual(before);
  });
});

describe('what is not tested is not promoted', () => {
  test('a tenant that stays on another build is never smoked, and the deadline ends the run', async () => {
    const sha = newSha();
    const before = await gate().latest();
    await gate().publish(sha);
    gate().deploy({ sha });
    gate().tenants[1]?.run({ sha: OLD });

    const handle = await gate().release({ sha });
    const end = await awaitRunEnd(handle);

    expect(end.report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: `canary-not-updated: after 3s canary-2 reports ${OLD.slice(0, 7)}; no person decided`,
    });
    const { events } = await handle.fetchHistory();
    const steps = events?.map(({ activityTaskScheduledEventAttributes: step }) => step?.activityType?.name);
    expect(steps).toContain('awaitBuild');
    // Of this run alone: a watch of the release before may have sent its last requests since.
    expect(steps).not.toContain('smokeTenant');
    // It asks liveness too.
    expect(steps).not.toContain('watchFleet');
    expect(await gate().latest()).toEqual(before);
  });

  fullTest('a tenant that refuses our token is no verdict about the build, and nothing moves', async () => {
    const sha = newSha();
    const before = await gate().latest();
    await gate().publish(sha);
    gate().deploy({ sha, misbehave: 'reject-token' });

    const end = await awaitRunEnd(await gate().release({ sha }));

    expect(end.report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: expect.stringMatching(/^canary-unstable: interrupted 3 times: .*status 401/),
    });
    expect(await gate().latest()).toEqual(before);
  });

  test('a build that is pushed again while it soaks is not promoted', async () => {
    const [sha, other] = [newSha(), newSha()];
    const before = await gate().latest();
    await gate().publish(sha);
    await gate().publish(other);
    gate().deploy({ sha });

    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    await gate().retag(other, `staging-${sha.slice(0, 7)}`);

    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: expect.stringMatching(/^build-repushed: /),
    });
    expect(await gate().latest()).toEqual(before);
  });

  fullTest('a tenant that leaves the build while it soaks proves nothing about it', async () => {
    const sha = newSha();
    const before = await gate().latest();
    await gate().publish(sha);
    gate().deploy({ sha });

    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    gate().tenants[0]?.run({ sha: OLD });

    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: `canary-not-updated: after 3s canary-1 reports ${OLD.slice(0, 7)}; no person decided`,
    });
    expect(await gate().latest()).toEqual(before);
  });

  fullTest('when :latest is moved from outside in the meantime, the move is refused', async () => {
    const [sha, other] = [newSha(), newSha()];
    await gate().publish(sha);
    const theirs = await gate().publish(other);
    gate().deploy({ sha });

    const handle = await gate().release({ sha, soak: '1s' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    await gate().setLatest(other);

    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: expect.stringMatching(/^latest-moved: .*moved from outside/),
    });
    expect(await gate().latest()).toEqual(theirs);
  });

  test('a build that is missing in one image ends as BuildNotFound', async () => {
    const end = await awaitRunEnd(await gate().release({ sha: newSha() }));
    expect(end.report).toMatchObject({ outcome: 'BuildNotFound', why: expect.stringContaining('staging-') });
  });
});

describe('bad input ends the run at once with one clear line', () => {
  test.each([
    [{ sha: 'XYZ' }, 'invalid sha "XYZ": expected 7 to 40 lower-case hex digits, e.g. 4c1d56e'],
    ['4c1d56e', 'invalid input "4c1d56e": expected an object, e.g. {"sha":"4c1d56e"}'],
    [
      { sha: '4c1d56e', soka: '9m' },
      'unknown field "soka" in the input: expected sha, sequence, requestedBy, commitUrl, soak, approval, promoteOnly, force, reason, floor',
    ],
    [{ sha: '4c1d56e', soak: 'six' }, 'invalid duration "six": expected e.g. 6m or 30s'],
    [
      { sha: '5c1d56e' },
      'workflow id release-canary-release-4c1d56e does not match sha 5c1d56e (start it as release-canary-release-5c1d56e)',
    ],
  ])('%j', async (input, why) => {
    const handle = await gate().client.workflow.start('CanaryRelease', {
      workflowId: 'release-canary-release-4c1d56e',
      taskQueue: 'release-canary-release',
      args: [input],
    });
    gate().keep(handle);
    expect(await awaitRunEnd(handle)).toMatchObject({ report: null, outcome: 'ConfigInvalid', why });
  });
});
