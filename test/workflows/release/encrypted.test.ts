import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { releaseId, releaseLaneId } from '../../../src/contract/ids.js';
import { fleetSeenSignal } from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { payloadCodec } from '../../../src/temporal/payloads/codec.js';
import { parsePayloadKeys } from '../../../src/temporal/payloads/keys.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { canary } from '../../support/cli.js';
import { approveToTheEnd } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { endLane, laneState, startLane } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { storedHistories } from '../../support/stored.js';
import { until } from '../../support/until.js';

const keyFile = `key-1:${randomBytes(32).toString('base64')}\n`;
const folder = mkdtempSync(join(tmpdir(), 'canary-encrypted-'));
afterAll(() => rmSync(folder, { recursive: true }));
const CANARY_PAYLOAD_KEY_FILE = join(folder, 'keys');
writeFileSync(CANARY_PAYLOAD_KEY_FILE, keyFile);

const gate = useGate('encrypted', () => ({
  payloadKeys: parsePayloadKeys(keyFile),
  env: { CANARY_HOLD_TIMEOUT: '60s', CANARY_PAYLOAD_KEY_FILE },
}));
const OLD = newSha();
beforeEach(() => gate().begin(OLD));

const cli = (args: string[], env: Record<string, string> = {}) =>
  canary(args, { CANARY_LANE: gate().lane, CANARY_PAYLOAD_KEY_FILE, ...env });

/** What doctor says of a run that does not go on. */
const stuck = async (workflowId: string) =>
  (await cli(['doctor'], gate().env)).out.find((line) => line.startsWith(`STOPS    runs      ${workflowId} `));

fullTest(
  'a release, its verdict, its decisions and its failures are in Temporal encrypted alone, and people read them with the key',
  async () => {
    const promoted = await gate().greenBuild();
    await awaitRunEnd(await gate().release({ sha: promoted.sha }));
    expect(await gate().latest()).toEqual(promoted.digests);
    const missing = await awaitRunEnd(await gate().release({ sha: newSha() }));
    expect(missing.report).toMatchObject({ outcome: 'BuildNotFound', why: expect.stringContaining(gate().host) });
    const red = await gate().greenBuild();
    gate().deploy({ sha: red.sha, misbehave: 'empty-subsystems' });
    const end = await awaitRunEnd(await gate().release({ sha: red.sha }));
    expect(end.report).toMatchObject({ outcome: 'CanaryRejected' });
    const held = await gate().greenBuild();
    const waiting = await gate().release({ sha: held.sha, approval: 'required' });
    await until('it waits', async () => (await gate().phase(waiting)) === 'awaiting-approval');
    const aborted = await cli(['abort', held.sha, '--by', 'ada.lovelace', '--reason', 'the invoices are wrong']);
    expect(aborted.code).toBe(0);
    expect((await awaitRunEnd(waiting)).report).toMatchObject({ outcome: 'CanaryAborted' });

    const { out } = await cli(['status', held.sha]);
    expect(out.join('\n')).toContain('the invoices are wrong');

    const all = await until('the runs are listed', async () => {
      const text = await storedHistories(gate());
      return text.includes(releaseId(gate().lane, parseSha(held.sha))) ? text : null;
    });
    for (const secret of ['canary-1', 'canary-2', gate().host, 'ada.lovelace', 'invoices', 'subsystems'])
      expect(
        all.slice(Math.max(0, all.indexOf(secret) - 300), all.indexOf(secret) + 100),
        `the histories show ${secret}`,
      ).not.toContain(secret);
    expect(all).toContain('binary/encrypted');

    const before = await laneState(gate());
    await endLane(gate());
    await startLane(gate());
    expect(await laneState(gate())).toEqual(before);
  },
);

test('without the key, or with another one, the command line says which key it needs', async () => {
  const { sha } = await gate().greenBuild();
  await awaitRunEnd(await gate().release({ sha }));
  const other = join(folder, 'other');
  writeFileSync(other, `key-2:${randomBytes(32).toString('base64')}`);
  const without = await cli(['status', sha], { CANARY_PAYLOAD_KEY_FILE: '' });
  expect([without.code, without.err.join('\n')]).toEqual([
    4,
    expect.stringMatching(/^canary: .*encrypted with key key-1: set CANARY_PAYLOAD_KEY_FILE$/),
  ]);
  const wrong = await cli(['status', sha], { CANARY_PAYLOAD_KEY_FILE: other });
  expect([wrong.code, wrong.err.join('\n')]).toEqual([
    4,
    expect.stringMatching(/key-1: CANARY_PAYLOAD_KEY_FILE does not have it$/),
  ]);
  for (const command of ['queue', 'history'])
    expect((await cli([command], { CANARY_PAYLOAD_KEY_FILE: other })).err).toEqual([
      'canary: the lane is encrypted with a key that CANARY_PAYLOAD_KEY_FILE does not have here: canary doctor names the key',
    ]);
  const doctor = await cli(['doctor'], { ...gate().env, CANARY_PAYLOAD_KEY_FILE: other });
  expect([doctor.code, doctor.out.filter((line) => /^STOPS +lane/.test(line))]).toEqual([
    1,
    [
      'STOPS    lane      the lane cannot be read here: the payload is encrypted with key key-1: CANARY_PAYLOAD_KEY_FILE does not have it (fix: the same lines in CANARY_PAYLOAD_KEY_FILE here and in every worker)',
    ],
  ]);
});

test('a signal that is encrypted with an unknown key breaks no run, and a plain one is read', async () => {
  const { sha } = await gate().greenBuild();
  const run = await gate().release({ sha, approval: 'required' });
  await until('it waits', async () => (await gate().phase(run)) === 'awaiting-approval');
  const { connection } = gate().client;
  const stranger = {
    payloadCodecs: [payloadCodec(parsePayloadKeys(`key-9:${randomBytes(32).toString('base64')}`), 'throw')],
  };
  const foreign = new Client({ connection, dataConverter: stranger }).workflow;
  for (const id of [run.workflowId, releaseLaneId(gate().lane)])
    await foreign.getHandle(id).signal(fleetSeenSignal, { builds: [], from: null });
  const plain = new Client({ connection }).workflow;
  await plain.getHandle(run.workflowId).signal('approve', { by: 'ada', reason: 'from the UI, without a codec server' });
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
});

fullTest('a worker without the key decides nothing: runs go on where they were once a worker has it', async () => {
  const { sha, digests } = await gate().greenBuild();
  const run = await gate().release({ sha, approval: 'required' });
  await until('it waits', async () => (await gate().phase(run)) === 'awaiting-approval');
  await gate().stopWorker();
  await gate().startWorker(gate().env, parsePayloadKeys(`key-1:${randomBytes(32).toString('base64')}`));
  await run.signal('approve', { by: 'ada', reason: 'as it should be' });
  await until('its task has failed', async () => ((await run.describe()).raw.pendingWorkflowTask?.attempt ?? 0) > 1);
  expect((await run.describe()).status.name).toBe('RUNNING');
  // The worker has encrypted why it failed with its own key-1, which this shell does not have.
  expect(await stuck(run.workflowId)).toMatch(
    /is stuck, and why cannot be read here: .* key key-1.* \(fix: set CANARY_PAYLOAD_KEY_FILE here as the workers have it/,
  );
  await gate().stopWorker();
  await gate().startWorker(gate().env, null);
  await run.signal('approve', { by: 'ada', reason: 'as it should be' });
  const failed = await until('it fails for want of the key', async () => {
    const line = await stuck(run.workflowId);
    return line?.includes('waits for a worker with its payload key') ? line : null;
  });
  expect(failed).toMatch(
    /: this worker cannot read a payload of the run: it is encrypted with key key-1, .* \(fix: put that key back into CANARY_PAYLOAD_KEY_FILE of every worker, and the run goes on; do not reset or terminate it\)$/,
  );
  await gate().stopWorker();
  await gate().startWorker();
  await approveToTheEnd(gate(), run);
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});
