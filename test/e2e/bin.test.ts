import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('bin');

function canary(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TEMPORAL_ADDRESS: inject('temporal'),
      CANARY_LANE: 'bin',
      ...env,
    },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return { child, said: () => said, exit: once(child, 'exit').then(([code]) => code as number) };
}

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
  expect(run.said()).toContain(`canary: detached; bin-canary-release-${sha.slice(0, 7)} goes on`);
  gate().deploy({ sha });
  expect(await canary(['release', sha, '--wait']).exit).toBe(0);
});

test('a worker that cannot start says why in one line and ends', async () => {
  const run = canary(['worker'], { TEMPORAL_NAMESPACE: 'nowhere', ...gate().env });
  expect(await run.exit).toBe(4);
  expect(run.said().trim().split('\n')).toHaveLength(1);
  expect(run.said()).toMatch(/^canary: .*nowhere/);
});

test('a worker with a wrong configuration ends with 2 and all that is wrong', async () => {
  const run = canary(['worker'], { CANARY_SOAK: 'long', CANARY_SOKA: '6m' });
  expect(await run.exit).toBe(2);
  expect(run.said()).toBe(
    'canary: configuration: \n  CANARY_SOKA: no such setting\n  CANARY_SOAK: duration "long" is none, e.g. 60s, 6m or 72h\n',
  );
});
