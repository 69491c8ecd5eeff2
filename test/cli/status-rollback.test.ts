import { expect, onTestFinished } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { ociError } from '../../testbed/registry-store.js';
import { canary as run } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { isPut } from '../support/latest.js';
import { delayRequests, isTagRead } from '../support/phases.js';
import { rollBack } from '../support/rollbacks.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const LANE = 'status-rollback';
const { registry, gate } = await useCountedGate(LANE);
const canary = (...args: string[]) => run(args, { CANARY_LANE: LANE });

/** A rollback to a build that was live, and is not any more. */
async function target() {
  const sha = newSha();
  await gate().publish(sha);
  await gate().setLatest(sha);
  await gate().begin(newSha());
  return sha;
}

/** Waits until `canary status` of the build and of everything have this line. */
async function shows(sha: string, line: RegExp) {
  for (const args of [[sha], []])
    await until(`status ${args} shows ${line}`, async () =>
      (await canary('status', ...args)).out.some((one) => line.test(one)),
    );
}

fullTest('status names what a rollback waits for: the registry, with its last answer, and a worker', async () => {
  const sha = await target();
  const read = delayRequests({ gate: gate(), registry }, isTagRead(sha));
  onTestFinished(read.release);
  const handle = await rollBack(gate(), sha);
  await until('it reads', read.reached);
  await shows(sha, /^ +waits for the registry: the tag of the build$/);
  expect((await canary('status', sha)).out).toContain(
    `  canary abort ${sha} --rollback --reason …   the rollback ends`,
  );
  const { out } = await canary('status', sha, '--json');
  expect(JSON.parse(out[0] ?? '')).toMatchObject({
    waitsFor: expect.arrayContaining(['the registry: the tag of the build']),
  });

  const refuse = registry.faults.add({ match: isPut(), respond: () => ociError(503, 'UNAVAILABLE', 'down') });
  read.release();
  await shows(sha, /^ +waits for .*platform:latest is at sha256:\w+; the move continues: .*503/);
  refuse();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back' });
});

fullTest(
  'a pair split is an alarm of status and doctor until a person has fixed it by hand and adopted it',
  async () => {
    const sha = await target();
    const respond = () => ociError(403, 'DENIED', 'requested access to the resource is denied');
    const heal = registry.faults.add({ match: isPut(gate().repositories[1]), respond });
    onTestFinished(heal);
    const handle = await rollBack(gate(), sha);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'PairSplit' });
    heal();
    const said = async () => {
      const [status, doctor] = [await canary('status'), await run(['doctor'], gate().env)];
      return [...status.out, ...doctor.out].filter(
        (line) => /^(?:ALARM|STOPS) /.test(line) && line.includes(handle.workflowId),
      );
    };
    const lines = await until('it is listed', async () => {
      const seen = await said();
      return seen.length === 2 ? seen : null;
    });
    expect(lines).toEqual([
      expect.stringContaining(`${handle.workflowId} PairSplit: `),
      expect.stringMatching(/ ended PairSplit: .*; if :latest was fixed by hand, canary lane adopt\)$/),
    ]);
    await gate().retag(sha, 'latest');
    await gate().adoptAlone(sha);
    expect(await said()).toEqual([]);
  },
);

fullTest('status without a worker names the worker that a rollback waits for', async () => {
  const sha = await target();
  await gate().stopWorker();
  onTestFinished(() => gate().startWorker());
  const handle = await rollBack(gate(), sha);
  const { code, out, err } = await canary('status', sha);
  expect({ code, out }).toEqual({ code: 4, out: ['  waits for a worker (canary worker)'] });
  expect(err).toEqual([`canary: ${handle.workflowId} is running, but no worker answers (canary worker)`]);
  await handle.terminate('by the test');
});

fullTest('status names the step of a release that fails while it resolves, with its last failure', async () => {
  const sha = newSha();
  await gate().publish(sha);
  const match = isTagRead(sha);
  const heal = registry.faults.add({ match, respond: () => ociError(503, 'UNAVAILABLE', 'down') });
  onTestFinished(heal);
  const handle = await gate().release({ sha });
  await shows(sha, /^ +waits for the registry: the images of the build; attempt \d+, after .*503/);
  expect((await canary('status', sha)).out[0]).toMatch(/ resolving for /);
  await handle.terminate('by the test');
});
