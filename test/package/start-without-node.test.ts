import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { repositoryRoot, tool } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { scriptsOf } from '../support/workflow-scripts.js';

const example = join(repositoryRoot, 'examples', 'github-actions', 'start-without-node.yml');
const scripts = scriptsOf(readFileSync(example, 'utf8'));
const gate = useGate('no-node');
/** Every runner of GitHub has it. */
const noJq = spawnSync('jq', ['--version']).status !== 0;

/** Runs a step of the example as a runner would, but with the CLI of this machine instead of the image's. */
async function step(name: string, sha: string) {
  const shell = spawn('bash', ['-e', '-c', scripts.get(name) ?? 'exit 99'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_CLI: tool('temporal')?.path,
      QUEUE: 'no-node-canary-release',
      SHA: sha,
      SEQUENCE: '7',
    },
  });
  const [said, [status]] = await Promise.all([text(shell.stdout), once(shell, 'close')]);
  return { said: said.trim().split('\n').at(-1), status };
}

test.skipIf(noJq)(
  'a release that the example starts is promoted, and the waiting job reports it (skipped without jq)',
  async () => {
    await gate().begin(newSha());
    const { sha, digests } = await gate().greenBuild();
    expect(await step('start', sha)).toMatchObject({ status: 0 });
    expect(await step('wait and read the outcome', sha)).toEqual({ status: 0, said: 'outcome: promoted' });
    expect(await gate().latest()).toEqual(digests);
  },
);

test.skipIf(noJq)('a release that failed fails the job that waits (skipped without jq)', async () => {
  const sha = newSha();
  expect(await step('start', sha)).toMatchObject({ status: 0 });
  expect(await step('wait and read the outcome', sha)).toEqual({ status: 1, said: 'outcome: FAILED' });
});
