import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type Refusal, startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';

const UNAVAILABLE = 14;
const DENIED = 7;
/** Longest time of a command on a loaded machine, in milliseconds; one that waits for a list takes 20 s. */
const PROMPT_MS = 8_000;

const gate = useGate('cli-unlisted', () => ({ env: { CANARY_HOLD_TIMEOUT: '10m' } }));
let proxy: Awaited<ReturnType<typeof startTemporalProxy>>;
/** What a list gets. */
let list: Refusal | undefined = UNAVAILABLE;

/** A command, which must not wait for lists. */
async function canary(...args: string[]) {
  const began = Date.now();
  const env = { TEMPORAL_ADDRESS: proxy.address, CANARY_LANE: 'cli-unlisted' };
  const result = await run(args, { ...gate().env, ...env });
  expect(Date.now() - began).toBeLessThan(PROMPT_MS);
  return result;
}

let live: { sha: string };
let held: Awaited<ReturnType<ReturnType<typeof gate>['release']>>;
let heldSha: string;
beforeAll(async () => {
  proxy = await startTemporalProxy(
    temporalAddress(),
    (call) => (call === 'ListWorkflowExecutions' || call === 'CountWorkflowExecutions' ? list : undefined),
    undefined,
    (query, read) => (query.includes('TemporalReportedProblems') ? new Promise(() => undefined) : read()),
  );
  await gate().begin(newSha());
  live = await promoted(gate());
  const next = await gate().greenBuild();
  heldSha = next.sha;
  held = await gate().release({ sha: next.sha, approval: 'required' });
  await heldFor(gate(), held, 'approval');
}, 60_000);
afterAll(async () => {
  await say(held, 'abort', ada);
  await awaitRunEnd(held);
  await proxy.stop();
});

describe.each<[string, Refusal, string]>([
  ['is down', UNAVAILABLE, 'no answer within 1.5 s'],
  ['does not answer', 'silent', 'no answer within 1.5 s'],
  ['is forbidden', DENIED, 'not for you'],
])('while listing runs %s', (_how, refusal, why) => {
  beforeAll(() => {
    list = refusal;
  });

  test('status shows the lane, its holder with the decisions that apply, and what is live, and says in one line what it lacks', async () => {
    const { code, out } = await canary('status');
    expect(code).toBe(0);
    expect(out.filter((line) => line.startsWith('RUNS'))).toEqual([
      `RUNS     cannot be listed: ${why}; only what the lanes know is shown`,
    ]);
    expect(out.some((line) => line.startsWith(`HELD     ${held.workflowId} awaiting-approval`))).toBe(true);
    expect(out).toContain(`         canary approve ${heldSha} --reason …   promote`);
    expect(out.some((line) => line.startsWith(`live     ${live.sha} for`))).toBe(true);
  });

  test('report prints the report, and says in one line what it lacks', async () => {
    const { code, out, err } = await canary('report', live.sha);
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('promoted');
    expect(err).toEqual([expect.stringContaining(`runs cannot be listed: ${why}`)]);
  });

  test('doctor finds no fault that stops a release, and warns', async () => {
    const { out } = await canary('doctor');
    expect(out.filter((line) => line.includes('cannot be listed'))).toEqual([expect.stringContaining(why)]);
  });
});

test('doctor warns if only the runs that are stuck cannot be listed: it does not say that none is', async () => {
  list = undefined;
  const { out } = await canary('doctor');
  expect(out.filter((line) => line.includes('cannot be listed'))).toEqual([
    expect.stringContaining('one that is stuck is not found: no answer within 1.5 s'),
  ]);
});
