import { expect } from 'vitest';
import { releaseId } from '../../../src/contract/ids.js';
import { parseRepository } from '../../../src/contract/image.js';
import type { LaneRequest, MoveDecision, MoveQuestion } from '../../../src/contract/lane.js';
import { authorizeMoveUpdate, laneCommandSignal } from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { endLane, laneHandle, laneState, startLane } from '../../support/lanes.js';
import { catchIn } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const { gate, registry, writes, pairs } = await useCountedGate('lane-continues', { CANARY_HOLD_TIMEOUT: '10m' });

/** Events after which the lane of this test goes on as a new run. */
const MAX_EVENTS = 40;
/** On a busy machine a workflow task takes many messages at once, so that a run gets far more events before it can go on. */
const REPEATEDLY = 2;
const EACH = 100;
const AT_ONCE = 10;

/** Requests: of more, the lane looks up which are releases that run. */
const REQUESTS = 20;

/** Says each of many things, a few at once. */
async function stream(say: (nth: number) => Promise<void>, each = EACH): Promise<void> {
  for (let nth = 0; nth < each; nth += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, more) => say(nth + more)));
}

/** Request of a run that does not exist: it waits, because another run holds the lane. */
const runOf = (nth: number) => ({
  workflowId: `no-run-${nth}`,
  runId: `01a211fd-bef0-7dad-9344-${String(nth).padStart(12, '0')}`,
});
function askOf(nth: number): LaneRequest {
  const sha = parseSha(newSha());
  return { ...runOf(nth), workflowId: releaseId(gate().lane, sha), sha, manual: true };
}
function questionOf(nth: number): MoveQuestion {
  const to = `sha256:${'a'.repeat(64)}` as const;
  const images = gate().repositories.map((name) => ({
    repository: parseRepository(`${gate().host}/${name}`),
    to: to as MoveQuestion['input']['images'][number]['to'],
    from: null,
  }));
  const input = { kind: 'promotion' as const, sha: parseSha(newSha()), images, by: 'ada', reason: 'why not' };
  return { moverRunId: runOf(nth).runId, parent: runOf(nth), input, begun: true, latest: [] };
}

/** An update that meets the end of a run is said again, as movers do. */
const answered = (question: MoveQuestion): Promise<MoveDecision> =>
  until('it is answered', () =>
    gate()
      .laneClient.update(authorizeMoveUpdate, question)
      .catch(() => null),
  );

fullTest(
  'a lane that continues as new repeatedly loses no run, signal or update, applies none twice, and its holder keeps the lane',
  async () => {
    await endLane(gate());
    await startLane(gate(), [null, MAX_EVENTS]);
    const { handle, sha, digests, goOn } = await catchIn('awaiting-approval', gate(), registry);
    const { holder, ledger } = await laneState(gate());
    expect(holder).toMatchObject({ sha });
    const images = gate().repositories.map((name) => ({ repository: `${gate().host}/${name}`, digest: null }));

    await Promise.all([
      stream((nth) => gate().laneClient.joinQueue(askOf(nth)), REQUESTS),
      stream((nth) =>
        gate().laneClient.signal(laneCommandSignal('adopt'), { by: `adopter-${nth}`, reason: 'one of many', images }),
      ),
      stream(async (nth) =>
        expect(await answered(questionOf(nth))).toMatchObject({
          message: `${runOf(nth).workflowId} does not hold the lane`,
        }),
      ),
    ]);
    const after = await until('all has arrived', async () => {
      const state = await laneState(gate());
      return state.queue.length + state.ledger.history.length >= REQUESTS + EACH + ledger.history.length ? state : null;
    });
    const all = Array.from({ length: EACH }, (_, nth) => nth);
    expect(after.queue.map(({ runId }) => runId).sort()).toEqual(
      all
        .slice(0, REQUESTS)
        .map((nth) => runOf(nth).runId)
        .sort(),
    );
    const adopters = after.ledger.history.map(({ by }) => by).filter((by) => by.startsWith('adopter-'));
    expect(adopters.sort()).toEqual(all.map((nth) => `adopter-${nth}`).sort());
    expect(after.holder).toMatchObject({ ...holder });
    const ended = await until('its runs are listed', () => continued(REPEATEDLY), 60_000);
    expect(ended).toBeGreaterThanOrEqual(REPEATEDLY);

    await gate().adopt();
    await goOn();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    expect(writes()).toEqual(pairs(1));
    // The lane grants itself to each of the runs that do not exist, and takes it back.
    await until('the queue is empty', async () => (await laneState(gate())).queue.length === 0, 60_000);
  },
  120_000,
);

fullTest('a lane that a person renews goes on as a new run at once, with all it knew and its holder', async () => {
  await endLane(gate());
  await startLane(gate());
  const { handle, sha, goOn } = await catchIn('awaiting-approval', gate(), registry);
  await gate().sendToLane('pause', { by: 'ada', reason: 'not now' });
  // The release reports its hold with a signal.
  await until('the lane knows the hold', async () => (await laneState(gate())).holder?.heldFor);
  const before = await laneState(gate());
  const { runId } = await laneHandle(gate()).describe();
  await gate().sendToLane('renew', { by: 'ada', reason: 'the new workers are current' });
  await until('it is a new run', async () => (await laneHandle(gate()).describe()).runId !== runId);
  const after = await laneState(gate());
  expect(after).toEqual(before);
  expect(after.holder).toMatchObject({ sha });
  await gate().sendToLane('resume', { by: 'ada', reason: 'now' });
  await goOn();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
});

/** How many runs of the lane went on as another one; null when fewer than that. */
async function continued(atLeast: number): Promise<number | null> {
  let count = 0;
  const query = `WorkflowId = '${laneHandle(gate()).workflowId}' AND ExecutionStatus = 'ContinuedAsNew'`;
  for await (const _run of gate().client.workflow.list({ query })) count += 1;
  return count >= atLeast ? count : null;
}
