import { setTimeout as delay } from 'node:timers/promises';
import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { DecisionName } from '../../../src/contract/hold.js';
import { DECISIONS } from '../../../src/contract/messages.js';
import type { LaneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd, sendDecision } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { type Gate, useGate } from '../../support/gate.js';
import { laneInMemory } from '../../support/lane-in-memory.js';
import { latch } from '../../support/latch.js';
import { putsTaken } from '../../support/latest.js';
import { after, type Caught, catchAt, catchIn, isTagRead, PATIENT, PHASES } from '../../support/phases.js';
import { firstRows, fullTest, rows } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { pauseRun, unpauseRun } from '../../support/stopped.js';
import { until } from '../../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
const gateFor = (way: string) => useGate(`stop-${way}`, () => ({ registry: registry.host, env: PATIENT }));

const ada = { by: 'ada', reason: 'wrong build' };
const abort = (gate: Gate, { workflowId }: WorkflowHandle) =>
  sendDecision(gate.client, workflowId, 'abort', ada).catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return { taken: false, answer: 'it has ended' };
    throw error;
  });

/** Every way to stop a release, in a gate of its own, and how the release then ends. */
const WAYS = {
  abort: { gate: gateFor('abort'), stop: abort, outcome: 'CanaryAborted' },
  cancel: {
    gate: gateFor('cancel'),
    stop: (_gate: Gate, handle: WorkflowHandle) => handle.cancel(),
    outcome: 'CanaryAborted',
  },
  terminate: {
    gate: gateFor('terminate'),
    stop: (_gate: Gate, handle: WorkflowHandle) => handle.terminate('by the test'),
    outcome: 'terminated',
  },
};
const ways = Object.values(WAYS);

/** A gate whose lane lets a release have it, and then answers late. */
const slow = (() => {
  const lane = laneInMemory();
  const { opened: answered, open: answer } = latch();
  let asked = 0;
  const client: LaneClient = {
    ...lane,
    async position(request) {
      const position = await lane.position(request);
      if (position?.isHeld && ++asked > 1) await answered;
      return position;
    },
  };
  return {
    gate: useGate('stop-slow-lane', () => ({ registry: registry.host, env: PATIENT, laneClient: client })),
    isAsked: () => asked > 1,
    answer,
  };
})();

const OLD = newSha();
const old = new Map<Gate, string[]>();
beforeEach(async () => {
  for (const { gate } of [...ways, slow]) old.set(gate(), await gate().begin(OLD));
});

async function outcomeOf({ handle }: Pick<Caught, 'handle'>): Promise<string> {
  const end = await awaitRunEnd(handle);
  return end.report === null ? end.outcome : end.report.outcome;
}

describe('aborted, cancelled, terminated', () => {
  test.each(
    rows(
      PHASES.filter((phase) => phase !== 'promoting'),
      ['resolving', 'soaking', 'held'],
    ),
  )('while %s a release ends, and :latest was never written', async (phase) => {
    await Promise.all(
      ways.map(async ({ gate, stop, outcome }) => {
        const before = putsTaken(registry, gate()).length;
        const caught = await catchIn(phase, gate(), registry);
        await stop(gate(), caught.handle);
        expect(await outcomeOf(caught)).toBe(outcome);
        caught.release();
        expect(await gate().latest()).toEqual(old.get(gate()));
        expect(putsTaken(registry, gate())).toHaveLength(before);
      }),
    );
  });

  fullTest('while promoting finishes the move, and an abort is refused with that reason', async () => {
    const [aborted, cancelled, terminated] = await Promise.all(
      ways.map(async ({ gate, stop }) => {
        const caught = await catchIn('promoting', gate(), registry);
        const answer = await stop(gate(), caught.handle);
        caught.release();
        const outcome = await outcomeOf(caught);
        await gate().client.workflow.getHandle(`${gate().lane}-move-latest`).result();
        expect(await gate().latest()).toEqual(caught.digests);
        return { outcome, answer };
      }),
    );
    expect(aborted).toEqual({
      outcome: 'promoted',
      answer: { taken: false, answer: 'abort refused: the move is under way and finishes; canary rollback moves back' },
    });
    expect(cancelled?.outcome).toBe('promoted');
    expect(terminated?.outcome).toBe('terminated');
  });
});

describe('an abort in the same instant as promoting', () => {
  /** Number of races of each kind. */
  const ROUNDS = 10;
  /** Ten releases and more, on a machine that may be loaded. */
  const RACES_MS = 120_000;
  const { gate } = WAYS.abort;

  fullTest(
    'as the approve: is taken and :latest stays, or is refused and both images move',
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { handle, digests, goOn } = await catchIn('awaiting-approval', gate(), registry);
        // What the approve is told is of no matter here.
        const approving = Promise.allSettled([goOn()]);
        const { taken } = await abort(gate(), handle);
        await approving;
        await requireOneEnd({ taken, handle, digests });
      }
    },
    RACES_MS,
  );

  fullTest(
    'as the last look at the build: is taken and :latest stays, or is refused and both images move',
    async () => {
      const isLast = (sha: string) => after(2, isTagRead(sha));
      const seen = new Set<boolean>();
      for (let round = 0, ms = 400, step = 1.6; round < ROUNDS; round += 1) {
        const { handle, digests, release } = await catchAt(gate(), registry, isLast);
        release();
        // So long after the last look began, which the proof of the watch follows; no wait, but a search for the instant.
        await delay(ms);
        const { taken } = await abort(gate(), handle);
        await requireOneEnd({ taken, handle, digests });
        seen.add(taken);
        // In smaller and smaller steps, once the instant lies between two of them.
        if (seen.size === 2) step = Math.max(1.04, Math.sqrt(step));
        ms = taken ? ms * step : ms / step;
      }
      expect(seen).toEqual(new Set([true, false]));
    },
    RACES_MS,
  );

  fullTest('as the last answer of the lane, in one task: is taken, and :latest stays', async () => {
    const { sha } = await slow.gate().greenBuild();
    const handle = await slow.gate().release({ sha, promoteOnly: true, reason: 'for the test', requestedBy: 'ada' });
    await until('the lane is asked once more', slow.isAsked);
    await pauseRun(slow.gate(), handle.workflowId);
    slow.answer();
    await until('it is answered', async () => (await handle.describe()).raw.pendingActivities?.length === 0);
    await handle.signal(DECISIONS.abort.signal, ada);
    await unpauseRun(slow.gate(), handle.workflowId);
    expect(await outcomeOf({ handle })).toBe('CanaryAborted');
    expect(await slow.gate().latest()).toEqual(old.get(slow.gate()));
  });

  test.each(
    firstRows<[DecisionName, DecisionName]>(1, [
      ['approve', 'abort'],
      ['abort', 'approve'],
    ]),
  )('beats an approve, also when both come in one task: %s, then %s', async (...verbs) => {
    const caught = await catchIn('awaiting-approval', gate(), registry);
    await gate().stopWorker();
    for (const verb of verbs) await caught.handle.signal(DECISIONS[verb].signal, ada);
    await gate().startWorker();
    expect(await outcomeOf(caught)).toBe('CanaryAborted');
    expect(await gate().latest()).toEqual(old.get(gate()));
  });

  async function requireOneEnd(raced: Pick<Caught, 'handle' | 'digests'> & { taken: boolean }) {
    const { taken, digests } = raced;
    expect([await outcomeOf(raced), await gate().latest()]).toEqual(
      taken ? ['CanaryAborted', old.get(gate())] : ['promoted', digests],
    );
    if (!taken) await gate().setLatest(OLD);
  }
});
