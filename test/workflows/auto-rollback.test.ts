import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { moveLatestId, rollbackId } from '../../src/contract/ids.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { RollbackReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { AUTO_ROLLBACK, type WatchReport } from '../../src/contract/tenants/production.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startInput } from '../../src/temporal/start.js';
import type { Tenant } from '../../testbed/tenant.js';
import { logged, useGate } from '../support/gate.js';
import { moveTo, startProduction, watched, watchOf } from '../support/production.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let production: Tenant[];
const gate = useGate('auto-rollback', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex', 'initech']);
  production = tenants;
  const short = { CANARY_UPDATE_CYCLE: '4s', CANARY_BAKE: '2s', CANARY_POLL: '300ms', CANARY_RESTART_GRACE: '1s' };
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file, CANARY_AUTO_ROLLBACK: '2', ...short } };
});
const OLD = newSha();
beforeAll(() => gate().begin(OLD));

const run = (sha: string, sick: number) =>
  production.forEach((tenant, index) => {
    tenant.run({ sha, ...(index < sick && { misbehave: 'empty-subsystems' }) });
  });
const alarms = (sha: string) =>
  logged
    .filter(({ message, meta }) => message === 'alarm' && String(meta?.why).startsWith(sha.slice(0, 7)))
    .map(({ meta }) => String(meta?.why));
/** What the last mover was told. */
async function orderOfMover() {
  const workflowId = moveLatestId(gate().lane);
  const { runId } = await gate().client.workflow.getHandle(workflowId).describe();
  return (await startInput(gate().client, workflowId, runId)) as MoveInput;
}
/** Runs of the rollback to a build, and its end. */
async function rollbackTo(sha: string) {
  const workflowId = rollbackId(gate().lane, parseSha(sha));
  const { runId } = await until(`${workflowId} is there`, () =>
    gate()
      .client.workflow.getHandle(workflowId)
      .describe()
      .catch(() => null),
  );
  const handle = gate().client.workflow.getHandle(workflowId, runId);
  gate().keep(Object.assign(handle, { firstExecutionRunId: runId }));
  return (await awaitRunEnd(handle)).report as RollbackReport;
}

fullTest('below the limit a rollback is proposed, and none begins', async () => {
  const sha = newSha();
  run(sha, 1);
  await moveTo(gate(), sha);
  const latest = await gate().latest();
  const report = await watched(gate(), sha);
  expect(report).toMatchObject({ outcome: 'red', propose: expect.stringContaining('canary rollback') });
  expect(report).not.toHaveProperty('rollback');
  expect(await gate().latest()).toEqual(latest);
});

test('at the limit the gate rolls back to the last good build, once, in the name of the policy, and asks if that is red too', async () => {
  const good = newSha();
  run(good, 0);
  await moveTo(gate(), good);
  const before = await gate().latest();
  const first = await watchOf(gate(), good);
  expect(await first.handle.result()).toMatchObject({ outcome: 'followed' });

  const sha = newSha();
  run(sha, 2);
  await moveTo(gate(), sha);
  const { handle } = await watchOf(gate(), sha);
  const rolledBack = await rollbackTo(good);
  expect(rolledBack).toMatchObject({ outcome: 'rolled-back', requestedBy: AUTO_ROLLBACK, onlyFrom: sha });
  expect(await orderOfMover()).toMatchObject({ kind: 'rollback', onlyFrom: sha });
  expect(rolledBack.reason).toMatch(new RegExp(`^${sha.slice(0, 7)} is red in production: .*red: acme .*, globex`));
  expect(await gate().latest()).toEqual(before);
  const report = await handle.result();
  expect(report).toMatchObject({
    outcome: 'superseded',
    rollback: `automatic rollback to ${good.slice(0, 7)} has begun`,
  });
  expect(alarms(sha).at(-1)).toContain(`automatic rollback to ${good.slice(0, 7)} has begun`);
  const { ledger } = await until('the lane answers', () => gate().laneClient.state());
  expect(ledger).toMatchObject({ hold: { name: 'after-rollback', by: AUTO_ROLLBACK } });
  expect(ledger.knownBad.map((one) => one.sha)).toContain(sha);

  // The tenants are red on the good build too: it is not the build, and the second rollback in a row is left to a person.
  run(good, 3);
  const second = await watchOf(gate(), good, first.runId);
  const again = (await second.handle.result()) as WatchReport;
  expect(again.rollback).toMatch(/^no automatic rollback: \w+ came back by a rollback/);
  expect(alarms(good).at(-1)).toContain('no automatic rollback: ');
  expect(await gate().latest()).toEqual(before);
}, 90_000);

/** Moves `:latest` to a build that no production tenant runs yet. */
async function moveUnseen(floor?: string): Promise<string> {
  const sha = newSha();
  await gate().adopt();
  run(OLD, 0);
  await gate().publish(sha, floor === undefined ? {} : { floor });
  return moveTo(gate(), sha, { isPublished: true });
}

fullTest('a :latest that a person has moved back by hand is left to that person', async () => {
  const sha = await moveUnseen();
  await gate().retag(OLD, 'latest');
  const moved = await gate().latest();
  run(sha, 2);
  const { rollback } = await watched(gate(), sha);
  expect(rollback).toMatch(/^no automatic rollback: .*, the last move left it elsewhere/);
  expect(await gate().latest()).toEqual(moved);
});

test('a :latest that a person moves after the rollback has begun is left to that person', async () => {
  const sha = await moveUnseen();
  const theirs = newSha();
  const moved = await gate().publish(theirs);
  await gate().retag(theirs, 'latest');
  const input = { sha: OLD, reason: 'red', onlyFrom: parseSha(sha) };
  const { report } = await awaitRunEnd(await gate().rollback({ ...input, requestedBy: AUTO_ROLLBACK }));
  expect(report).toMatchObject({
    outcome: 'MoveRefused',
    why: expect.stringContaining('the last move left it elsewhere'),
  });
  expect(await gate().latest()).toEqual(moved);
  const told = `automatic rollback to ${OLD.slice(0, 7)} has failed: `;
  await until('the alarm is in the log', () => alarms(sha).some((why) => why.includes(told)));
  // Nothing was announced: the build is not marked as one that was rolled back from.
  const { ledger } = await until('the lane answers', () => gate().laneClient.state());
  expect(ledger.hold).toBeNull();
  expect(ledger.knownBad.map((one) => one.sha)).not.toContain(sha);
  // A person who forces it decides over that, too.
  const forced = await gate().rollback({ ...input, requestedBy: 'ada', force: true });
  await until('its mover runs', async () => (await orderOfMover()).kind === 'rollback');
  expect(await orderOfMover()).not.toHaveProperty('onlyFrom');
  expect((await awaitRunEnd(forced)).report).toMatchObject({ outcome: 'rolled-back' });
});

fullTest(
  'a target that may be below a rollback floor which cannot be read is left to a person, by an alarm that says why',
  async () => {
    const sha = await moveUnseen('v2');
    const latest = await gate().latest();
    run(sha, 2);
    const { rollback } = await watched(gate(), sha);
    expect(rollback).toMatch(/^automatic rollback to \w+ has failed: the label canary.rollback-floor cannot be read: /);
    await until('the alarm is in the log', () => alarms(sha).some((why) => why.includes(' has failed: ')));
    expect(await gate().latest()).toEqual(latest);
  },
);

fullTest(
  'a production that is silent all at once is left to a person: the network of the gate may be down',
  async () => {
    const sha = await moveUnseen();
    const latest = await gate().latest();
    const { handle } = await watchOf(gate(), sha);
    await until('all have answered', async () => {
      const { tenants } = await handle.query<WatchReport>('status');
      return tenants.length > 0 && tenants.every(({ build }) => build !== null);
    });
    for (const tenant of production) await tenant.crash();
    onTestFinished(async () => {
      for (const tenant of production) await tenant.recover();
    });
    const { rollback } = (await handle.result()) as WatchReport;
    expect(rollback).toMatch(/^no automatic rollback: no tenant answers at all/);
    expect(await gate().latest()).toEqual(latest);
  },
);
