import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild } from '../../../testbed/images.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('one-build', () => ({ env: { CANARY_HOLD_TIMEOUT: '20s' } }));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));
afterAll(() => gate().setLatest(OLD));

/** A build whose second image carries the tag and was built from another commit. */
async function mixedBuild() {
  const [sha, other] = [newSha(), newSha()];
  const [first = ''] = await gate().publish(sha);
  const repository = gate().repositories[1] ?? '';
  const tag = `staging-${sha.slice(0, 7)}`;
  const { digest } = await pushBuild({ registry: gate().host, repository, tag, sha: other });
  gate().deploy({ sha });
  return { sha, other, digests: [first, digest] };
}

describe('images of two builds under one tag', () => {
  test('are not promoted without an approval of exactly that, and the report says so', async () => {
    const { sha, other, digests } = await mixedBuild();
    const handle = await gate().release({ sha });
    const { id, why } = await heldFor(gate(), handle, 'approval');
    expect(why).toMatch(new RegExp(`platform-tenant says that it was built from ${other}, not from ${sha}$`));
    expect(await gate().latest()).toEqual(old);

    await say(handle, 'approve', { ...ada, hold: id });
    const { report } = await awaitRunEnd(handle);
    expect(report).toMatchObject({ outcome: 'promoted', notTested: [{ kind: 'foreign-revision', text: why }] });
    expect(await gate().latest()).toEqual(digests);
  });

  test('are named in the report when a person promotes them manually', async () => {
    const { sha, other } = await mixedBuild();
    const { report } = await awaitRunEnd(
      await gate().release({ sha, promoteOnly: true, requestedBy: 'ada', reason: 'hotfix' }),
    );
    expect(report).toMatchObject({ outcome: 'promoted', why: expect.stringContaining(`was built from ${other}`) });
  });

  test('are refused as the target of a rollback, unless it is forced', async () => {
    const { sha, other, digests } = await mixedBuild();
    const refused = await awaitRunEnd(await gate().rollback({ sha, reason: 'search is slow' }));
    expect(refused.report).toMatchObject({
      outcome: 'MoveRefused',
      why: expect.stringContaining(`was built from ${other}, not from ${sha} (nothing moved; with force`),
    });
    expect(await gate().latest()).toEqual(old);

    const forced = await awaitRunEnd(await gate().rollback({ sha, reason: 'search is slow', force: true }));
    expect(forced.report).toMatchObject({ outcome: 'rolled-back', force: true });
    expect(await gate().latest()).toEqual(digests);
  });
});
