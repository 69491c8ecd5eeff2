import { expect, onTestFinished, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { catchIn, delayRequests, isTagRead } from '../support/phases.js';
import { rollBack } from '../support/rollbacks.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const LANE = 'cli-advice';
const { registry, gate } = await useCountedGate(LANE);
const canary = (...args: string[]) => run(args, { CANARY_LANE: LANE });
const why = ['--reason', 'search is slow'];

/** Commands that a text advises. `--watch` would not end. */
const advised = (lines: string[]): string[][] =>
  lines.flatMap((line) =>
    [...line.matchAll(/\bcanary ((?:status|abort|rollback|report|approve|retry) [^;,()]*[^;,()\s])/g)].map(
      ([, command = '']) =>
        command
          .replace(/ {2,}.*$/, '')
          .replace(' --watch', '')
          .replace('--reason …', '--reason because')
          .split(' '),
    ),
  );

/** Runs every command that a text advises, in the order of the text; each must be accepted. */
async function follow(lines: string[], expected: string[]) {
  const commands = advised(lines);
  expect(commands.map(([verb]) => verb)).toEqual(expected);
  for (const command of commands) {
    const { code, err } = await canary(...command);
    expect({ command, code, err }).toMatchObject({ code: 0 });
  }
}

test('the advice about a release that runs with other input is accepted: to watch it, and to abort it', async () => {
  const { sha, handle, release } = await catchIn('awaiting-canary', gate(), registry);
  const { code, err } = await canary('release', sha, '--soak', '20m');
  expect(code).toBe(2);
  await follow(err, ['status', 'abort']);
  release();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
});

fullTest('the advice about a release that moves with other input is to watch it, and no more', async () => {
  const { sha, handle, release } = await catchIn('promoting', gate(), registry);
  onTestFinished(release);
  const { code, err } = await canary('release', sha, '--soak', '20m');
  expect(code).toBe(2);
  await follow(err, ['status']);
  release();
  await awaitRunEnd(handle);
});

test('the advice of status about a rollback that waits is accepted', async () => {
  const sha = newSha();
  await gate().publish(sha);
  const read = delayRequests({ gate: gate(), registry }, isTagRead(sha));
  onTestFinished(read.release);
  const handle = await rollBack(gate(), sha);
  await until('it waits', read.reached);
  await follow((await canary('status', sha)).out, ['abort']);
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
});

fullTest('the advice of a rollback that is refused, and of an abort after its end, is accepted', async () => {
  const sha = newSha();
  const digests = await gate().publish(sha);
  const { code, err } = await canary('rollback', sha, ...why);
  expect(code).toBe(4);
  const late = await canary('abort', sha, ...why);
  expect(late.code).toBe(1);
  await follow(late.err, ['report']);
  await follow(err, ['rollback']);
  expect(await gate().latest()).toEqual(digests);
});
