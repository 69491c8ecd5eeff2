import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { canary as run } from '../support/canary-process.js';
import { useGate } from '../support/gate.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('bin');

const canary = (args: string[], env: Record<string, string> = {}) =>
  run(args, { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: 'bin', ...env });

test('Ctrl-C while it waits detaches at once with 130, and the release goes on', async () => {
  const sha = newSha();
  await gate().begin(newSha());
  await gate().publish(sha);
  const run = canary(['release', sha, '--wait']);
  await until('it follows the run', () => run.said().includes('awaiting-canary'));

  const before = Date.now();
  run.child.kill('SIGINT');

  expect(await run.exit).toBe(130);
  expect(Date.now() - before).toBeLessThan(3_000);
  expect(run.said()).toContain(`canary: detached; bin-canary-release-${sha.slice(0, 7)} continues`);
  gate().deploy({ sha });
  expect(await canary(['release', sha, '--wait']).exit).toBe(0);
});

test('a worker that cannot start says why in one line and ends', async () => {
  const run = canary(['worker'], { TEMPORAL_NAMESPACE: 'nowhere', ...gate().env });
  expect(await run.exit).toBe(4);
  const [where = '', ...rest] = run.said().trim().split('\n');
  expect(JSON.parse(where)).toMatchObject({
    message: 'worker.connecting',
    address: temporalAddress(),
    namespace: 'nowhere',
    as: 'no credentials',
    tls: false,
  });
  expect(rest).toHaveLength(1);
  expect(rest[0]).toMatch(/^canary: there is no namespace nowhere: /);
});

test('a worker that reaches no Temporal says what to do, tries again, and ends at once by SIGTERM', async () => {
  const run = canary(['worker'], { ...gate().env, TEMPORAL_ADDRESS: '127.0.0.1:1' });
  const waiting = await until('it says why it waits', () => run.said().split('\n')[1], 60_000);
  expect(JSON.parse(waiting)).toMatchObject({
    level: 'WARN',
    message: 'worker.waiting',
    why: 'Temporal does not answer at 127.0.0.1:1: start it, or set TEMPORAL_ADDRESS',
  });
  run.child.kill('SIGTERM');
  expect(await run.exit).toBe(0);
});

/** Whether this machine lets a test start a process as the first of a namespace. */
const canUnshare = spawnSync('unshare', ['-rpf', 'true'], { stdio: 'ignore' }).status === 0;

test.skipIf(!canUnshare)('a worker that is process 1, as in a container, ends by SIGTERM', async () => {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, ...gate().env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const bin = join(repositoryRoot, 'bin', 'canary.js');
  const outside = spawn('unshare', ['-rpf', '--kill-child', process.execPath, bin, 'worker'], { env });
  onTestFinished(() => void outside.kill('SIGKILL'));
  const end = once(outside, 'close');
  let said = '';
  outside.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await until('it waits', () => said.includes('worker.waiting'), 60_000);
  const { pid } = outside;
  const worker = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  expect(readFileSync(`/proc/${worker}/status`, 'utf8')).toMatch(/^NSpid:.*\t1$/m);
  process.kill(worker, 'SIGTERM');
  expect(await end).toEqual([0, null]);
});

test('a worker with a wrong configuration ends with 2 and all that is wrong', async () => {
  const run = canary(['worker'], { CANARY_SOAK: 'long', CANARY_SOKA: '6m' });
  expect(await run.exit).toBe(2);
  expect(run.said()).toBe(
    'canary: configuration:\n  CANARY_SOKA: no such setting: did you mean CANARY_SOAK?\n  CANARY_IMAGES is missing: name the images that move together, e.g. CANARY_IMAGES=ghcr.io/acme/platform,ghcr.io/acme/platform-tenant\n  CANARY_SOAK: invalid duration "long": expected e.g. 6m or 30s\n',
  );
});
