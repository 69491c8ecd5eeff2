import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import { awaitRunEnd, outcomeOfRun } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type Gate, useGate } from '../support/gate.js';
import { laneState } from '../support/lanes.js';
import { isPut, putsTaken } from '../support/latest.js';
import { catchIn, delayRequests, isTagRead, PATIENT, PHASES, type Phase } from '../support/phases.js';
import { firstTask, lastTask, resetTo } from '../support/resets.js';
import { rollBack } from '../support/rollbacks.js';
import { rows } from '../support/rows.js';
import { runOf, type Scene, scenesBeside } from '../support/scenes-beside.js';
import { newSha } from '../support/shas.js';
import {
  expectCalm,
  expectPaused,
  expectStepPaused,
  pauseRun,
  pauseStep,
  unpauseRun,
  unpauseStep,
} from '../support/stopped.js';
import { until } from '../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
/** Releases, rollbacks, movers and the lane. */
const releases = useGate('states', () => ({ registry: registry.host, env: PATIENT }));

const { watch, drift, addition, delivery } = await scenesBeside(registry);

const OLD = newSha();
beforeEach(async () => {
  await releases().begin(OLD);
});

const RELEASE_STEPS: Record<Phase, string | undefined> = {
  resolving: 'resolveBuild',
  'awaiting-canary': 'awaitBuild',
  soaking: 'watchFleet',
  smoking: 'smokeTenant',
  held: undefined,
  'awaiting-approval': 'watchFleet',
  promoting: undefined,
};

async function release(phase: Phase): Promise<Scene> {
  const { handle, digests, goOn } = await catchIn(phase, releases(), registry);
  return {
    gate: releases(),
    run: handle,
    ...(RELEASE_STEPS[phase] && { step: RELEASE_STEPS[phase] }),
    async goOn() {
      await goOn();
      expect((await awaitRunEnd(releases().client.workflow.getHandle(handle.workflowId))).report).toMatchObject({
        outcome: 'promoted',
      });
      expect(await releases().latest()).toEqual(digests);
    },
  };
}

/** A rollback that reads the tag of its build, or whose mover writes. */
async function rollback(phase: 'resolving' | 'promoting', watched: 'rollback' | 'mover' = 'rollback'): Promise<Scene> {
  const gate = releases();
  const sha = newSha();
  const digests = await gate.begin(sha);
  await gate.begin(newSha());
  const stop = delayRequests({ gate, registry }, phase === 'resolving' ? isTagRead(sha) : isPut());
  const handle = await rollBack(gate, sha);
  await until('it waits', stop.reached);
  const isBack = async () => {
    await until(':latest is back', async () => (await gate.latest()).join() === digests.join(), 60_000);
  };
  return {
    gate,
    run: watched === 'mover' ? await runOf(gate, moveLatestId(gate.lane)) : handle,
    step: watched === 'mover' ? 'moveTags' : phase === 'resolving' ? 'readBuildTags' : 'none',
    async goOn() {
      stop.release();
      const end = await awaitRunEnd(gate.client.workflow.getHandle(handle.workflowId));
      expect(outcomeOfRun(end)).toMatch(/^(rolled-back|already)$/);
      await isBack();
    },
    async again(how) {
      if (watched === 'mover') return;
      if (phase === 'promoting') {
        // Its mover finishes the pair.
        stop.release();
        await isBack();
        // Its report comes after the lane has seen the end of its rollback.
        await until('the lane knows', async () => {
          const { rollback: open, move } = await laneState(gate);
          return open === null && move === null;
        });
        return;
      }
      const end = await awaitRunEnd(handle);
      expect(outcomeOfRun(end)).toBe(how === 'was cancelled' ? 'CanaryAborted' : 'terminated');
      stop.release();
      expect((await awaitRunEnd(await rollBack(gate, sha))).report).toMatchObject({ outcome: 'rolled-back' });
      await isBack();
    },
  };
}

/** The lane, while a release holds it. */
async function lane(): Promise<Scene> {
  const holder = await release('awaiting-approval');
  const gate = releases();
  const run = await runOf(gate, releaseLaneId(gate.lane));
  return {
    gate,
    run,
    step: 'awaitVerdict',
    goOn: holder.goOn,
    // The next message starts it again, with all it knew.
    again: holder.goOn,
  };
}

const SCENES = {
  ...(Object.fromEntries(PHASES.map((phase) => [`release ${phase}`, () => release(phase)])) as Record<
    `release ${Phase}`,
    () => Promise<Scene>
  >),
  'rollback resolving': () => rollback('resolving'),
  'rollback promoting': () => rollback('promoting'),
  'mover writing': () => rollback('promoting', 'mover'),
  lane,
  watch,
  drift,
  addition,
  delivery,
};
type Name = keyof typeof SCENES;
const NAMES = Object.keys(SCENES) as Name[];
const withStep = NAMES.filter((name) => !['release held', 'release promoting', 'rollback promoting'].includes(name));
const BESIDE: Name[] = ['watch', 'drift', 'addition', 'delivery'];
/** The others are in `release/stops.test.ts`, `release/reset.test.ts` and `lane/recovery.test.ts`. */
const ENDED: Name[] = ['rollback resolving', 'rollback promoting', 'lane', ...BESIDE];

/** Writes of `:latest` of this gate that were taken. */
const writes = (gate: Gate) => putsTaken(registry, gate).length;
const LIMIT_MS = 120_000;

describe('a run that a person stops in Temporal', () => {
  test.each(rows(NAMES, ['watch']))(
    'by a pause: %s: is named with the fix, does not go round, moves nothing, and goes on afterwards',
    async (name) => {
      const { gate, run, goOn } = await SCENES[name]();
      const before = writes(gate);
      await pauseRun(gate, run.workflowId);
      await expectPaused(gate, run.workflowId);
      await expectCalm(gate, [run.workflowId, releaseLaneId(gate.lane)]);
      expect(writes(gate)).toBe(before);
      await unpauseRun(gate, run.workflowId);
      await goOn();
    },
    LIMIT_MS,
  );

  test.each(rows(withStep, ['lane']))(
    'by a pause of its step: %s: is named with the fix, does not go round, moves nothing, and goes on afterwards',
    async (name) => {
      const { gate, run, step = '', goOn } = await SCENES[name]();
      const before = writes(gate);
      const id = await pauseStep(gate, run.workflowId, step);
      await expectStepPaused(gate, run.workflowId, step, id);
      await expectCalm(gate, [run.workflowId, releaseLaneId(gate.lane)]);
      expect(writes(gate)).toBe(before);
      await unpauseStep(gate, run.workflowId, id);
      await goOn();
    },
    LIMIT_MS,
  );

  test.each(rows(ENDED, ['lane']))(
    'by a cancel: %s: leaves nothing half done, says what is missing, and can be begun again',
    async (name) => {
      const { run, again } = await SCENES[name]();
      await run.cancel();
      if (name !== 'rollback promoting')
        await until('it has ended', async () => (await run.describe()).status.name !== 'RUNNING');
      await again?.('was cancelled');
    },
    LIMIT_MS,
  );

  test.each(rows(ENDED, ['watch']))(
    'by a terminate: %s: leaves nothing half done, says what is missing, and can be begun again',
    async (name) => {
      const { run, again } = await SCENES[name]();
      await run.terminate('by the test');
      await again?.('was terminated');
    },
    LIMIT_MS,
  );

  test.each(
    rows(
      [...ENDED.filter((name) => name !== 'lane')].flatMap((name) => [`${name}, first`, `${name}, last`] as const),
      ['rollback resolving, last'],
    ),
  )(
    'by a reset to a task: %s: goes on from there',
    async (row) => {
      const [name = 'watch', task] = row.split(', ') as [Name, string];
      const { gate, run, goOn } = await SCENES[name]();
      await resetTo(gate, task === 'first' ? firstTask : lastTask, run);
      await goOn();
    },
    LIMIT_MS,
  );
});
