import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { beforeEach, expect, test } from 'vitest';
import { payloadCodec } from '../../../src/temporal/payloads/codec.js';
import { parsePayloadKeys } from '../../../src/temporal/payloads/keys.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { approveToTheEnd, heldFor } from '../../support/decisions.js';
import { logged, useGate, workflowBundle } from '../../support/gate.js';
import { replays } from '../../support/replay.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const [one, two] = ['key-1', 'key-2'].map((id) => `${id}:${randomBytes(32).toString('base64')}`);
const [old, both] = [parsePayloadKeys(`${one}`), parsePayloadKeys(`${one}\n${two}`)];
const gate = useGate('rotated', () => ({ payloadKeys: both, env: { CANARY_HOLD_TIMEOUT: '60s' } }));
beforeEach(() => gate().begin(newSha()));

/** The run as a client sees it that encrypts with the new key. */
function withNewKey(workflowId: string) {
  const payloadCodecs = [payloadCodec(parsePayloadKeys(`${two}`), 'throw')];
  return new Client({ connection: gate().client.connection, dataConverter: { payloadCodecs } }).workflow.getHandle(
    workflowId,
  );
}

/** A release that waits for an approval. */
async function waiting() {
  const { sha, digests } = await gate().greenBuild();
  const run = await gate().release({ sha, approval: 'required' });
  await heldFor(gate(), run, 'approval');
  return { run, digests };
}

const approval = { by: 'ada', reason: 'looked at it' };

test('a signal that a worker dropped for want of its key stays dropped on a worker that has it', async () => {
  const { run, digests } = await waiting();
  await gate().stopWorker();
  await gate().startWorker(gate().env, old);
  await withNewKey(run.workflowId).signal('approve', approval);
  const dropped = await until('it is dropped', () => logged.find(({ message }) => message === 'signal.dropped'));
  expect(dropped.meta).toMatchObject({
    signal: 'approve',
    why: 'it is encrypted with key key-2, and this worker cannot decrypt that',
  });
  await gate().stopWorker();
  await gate().startWorker();
  // It still waits: the worker that replays it has dropped the signal too.
  await heldFor(gate(), run, 'approval');
  await approveToTheEnd(gate(), run);
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});

test('a signal that a worker with its key acted on is never dropped by one without: that waits for the key', async () => {
  const { run } = await waiting();
  await withNewKey(run.workflowId).signal('approve', approval);
  expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
  const { workflowId } = run;
  const history = await run.fetchHistory();
  const errors: string[] = [];
  for await (const { error } of replays(workflowBundle(), [{ workflowId, history }], [payloadCodec(old, 'keep')]))
    errors.push(error?.message ?? 'replayed');
  expect(errors).toEqual([expect.stringContaining('PayloadUnreadable: ')]);
});
