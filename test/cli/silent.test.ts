import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Refusal, startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { adopted } from '../support/lanes.js';
import { firstRows } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';

/** Longest time of a command on a loaded machine, in milliseconds: it claims five seconds, and two waits of them are one too many. */
const PROMPT_MS = 7_000;

const gate = useGate('cli-silent');
/** Call that gets no answer. */
let silent = '';
let proxy: Awaited<ReturnType<typeof startTemporalProxy>>;
let live: { sha: string };
beforeAll(async () => {
  proxy = await startTemporalProxy(temporalAddress(), (call): Refusal | undefined =>
    call === silent ? 'silent' : undefined,
  );
  await gate().begin(newSha());
  live = await adopted(gate());
});
afterAll(() => proxy.stop());

async function canary(...args: string[]) {
  const began = Date.now();
  const result = await run(args, { ...gate().env, TEMPORAL_ADDRESS: proxy.address });
  expect(Date.now() - began).toBeLessThan(PROMPT_MS);
  return result;
}

test('while task queues are silent, status shows all else, and says in one line for each what it lacks', async () => {
  silent = 'DescribeTaskQueue';
  const { code, out } = await canary('status');
  expect(code).toBe(0);
  expect(out.filter((line) => line.startsWith('WORKERS'))).toEqual(
    ['cli-silent-canary-release', 'cli-silent-canary-release-move'].map(
      (queue) => `WORKERS  of ${queue} are not known: no answer within 1.5 s`,
    ),
  );
  expect(out.some((line) => line.startsWith(`live     ${live.sha} for`))).toBe(true);
});

test('while histories are silent, status shows all else', async () => {
  silent = 'GetWorkflowExecutionHistory';
  const { code, out } = await canary('status');
  expect(code).toBe(0);
  expect(out).toContainEqual(expect.stringMatching(/^workers {2}cli-silent-canary-release: /));
});

test.each(firstRows(1, [['status'], ['status', newSha()], ['report', newSha()]]))(
  'while runs are silent, %s %s ends in one line',
  async (...args) => {
    silent = 'DescribeWorkflowExecution';
    const { code, out, err } = await canary(...args);
    expect({ code, out }).toEqual({ code: 4, out: [] });
    expect(err).toEqual([
      expect.stringMatching(
        /^canary: Temporal at \S+ cannot work on namespace default: no answer within 5 s .*--direct$/,
      ),
    ]);
  },
);
