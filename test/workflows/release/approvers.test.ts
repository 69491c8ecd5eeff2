import { beforeAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { canary } from '../../support/cli.js';
import { heldFor, refusal, say, statusOf } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('approvers', () => ({
  env: { CANARY_HOLD_TIMEOUT: '60s', CANARY_FOUR_EYES: 'true', CANARY_APPROVERS: 'ada,bob' },
}));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});

const reason = 'looked at it';
const FOUR_EYES = 'CANARY_FOUR_EYES: ada requested the release, so another person must approve it';

fullTest('a release is approved by another person of the list alone, by update, signal and command line', async () => {
  const { sha, digests } = await gate().greenBuild();
  const run = await gate().release({ sha, requestedBy: 'ada', approval: 'required' });
  await heldFor(gate(), run, 'approval');
  expect((await statusOf(gate(), run))?.commands?.approve.text).toBe(
    'promote (by ada or bob, not by ada, who requested it)',
  );
  expect(await refusal(run, 'approve', { by: 'ADA ', reason })).toBe(`approve refused: ${FOUR_EYES}`);
  await run.signal('approve', { by: 'carol', reason });
  const { refusals } = await until('the signal is refused', async () => {
    const status = await statusOf(gate(), run);
    return status?.refusals.length ? status : null;
  });
  expect(refusals).toEqual(['approve refused: CANARY_APPROVERS: carol may not approve it; ada or bob may']);
  const typed = await canary(['approve', sha, '--by', 'Ada', '--reason', reason], { CANARY_LANE: gate().lane });
  expect([typed.code, [...typed.out, ...typed.err].join('\n')]).toEqual([1, expect.stringContaining(FOUR_EYES)]);
  expect(typed.err.join('\n')).toContain('approve: promote (by ada or bob, not by ada, who requested it)');
  expect(await gate().latest()).toEqual(old);
  expect(await say(run, 'approve', { by: 'bob', reason })).toBe('approve accepted: promote');
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
  const status = await canary(['status', sha], { CANARY_LANE: gate().lane });
  const client = `${process.pid}@`;
  expect(status.out.join('\n')).toMatch(
    new RegExp(`Z start sent by client ${client}.*\\n.*Z approve sent by client ${client}`),
  );
  old = digests;
  expect(await gate().latest()).toEqual(old);
});

test('a promotion without tests is no way round: it waits for another person', async () => {
  const { sha, digests } = await gate().greenBuild();
  const run = await gate().release({ sha, requestedBy: 'ada', promoteOnly: true, reason: 'a hotfix' });
  const hold = await heldFor(gate(), run, 'approval');
  expect(hold.why).toBe(`${FOUR_EYES}; NOT TESTED BY CANARY`);
  expect(await gate().latest()).toEqual(old);
  await say(run, 'approve', { by: 'bob', reason });
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});

fullTest(
  'an approval just after a canary fell silent promotes nothing: its proof is that all are looked at once more',
  async () => {
    const { sha } = await gate().greenBuild();
    const run = await gate().release({ sha, approval: 'required', requestedBy: 'ada' });
    await heldFor(gate(), run, 'approval');
    const [before, [tenant]] = [await gate().latest(), gate().tenants];
    // Long before the next probe of the watch, which is due every 10 s.
    await tenant?.crash();
    expect(await say(run, 'approve', { by: 'bob', reason })).toBe('approve accepted: promote');
    await until('it waits for its canary', async () => (await gate().phase(run)) === 'awaiting-canary', 30_000);
    expect(await gate().latest()).toEqual(before);
    await run.signal('abort', { by: 'bob', reason });
    expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'CanaryAborted' });
    await tenant?.recover();
  },
  60_000,
);
