import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { moveLatestId } from '../../src/contract/ids.js';
import { awaitRunEnd, findRun, isOpen, outcomeOfRun } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { Gate } from '../support/gate.js';
import { putsTaken } from '../support/latest.js';
import { PATIENT } from '../support/phases.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { type Ending, STORIES, type Story, type StoryName } from './stories.js';

/** Where a kill comes: as soon as the history of the run, or of its mover, has this event. */
export interface Place {
  of: 'run' | 'mover';
  event: number;
}

export interface Telling {
  name: StoryName;
  /** Lane, of its own. */
  lane: string;
  temporal: string;
  registry: MemoryRegistry;
  place?: Place;
  /** Called before the run starts: puts in place what will be killed. */
  arm?: (gate: Gate) => Promise<void>;
  /** Kills it at the place, and starts another. */
  kill?: (gate: Gate) => Promise<void>;
}

/** Longest that a story may take, in milliseconds: a dead worker is noticed after up to 45 s, and again in its mover. */
const LIMIT_MS = 240_000;

export interface Told {
  ending: Ending;
  events: Record<Place['of'], string[]>;
  /** Last event of the killed run's own history at the kill. */
  died?: { event: number; type: string };
}

/** Tells a story on a lane of its own; null if its history never had the event. */
export async function tell(telling: Telling): Promise<Told | null> {
  const { name, lane, temporal, registry, place } = telling;
  const story: Story = STORIES[name];
  const beside = await story.setUp?.();
  const env = { ...PATIENT, ...beside?.env };
  const gate = await Gate.open(lane, { registry: registry.host, temporal, env });
  try {
    await gate.begin(newSha());
    const plot = await story.prepare(gate, registry, beside);
    const before = await gate.latest();
    const written = putsTaken(registry, gate).length;
    await telling.arm?.(gate);
    const since = Date.now();
    const handle = await plot.start();
    const end = awaitEnd(gate, handle, plot.act);
    const killed = place ? await Promise.race([reached(gate, handle, place, since), end.then(() => null)]) : null;
    const killedAt = Date.now();
    if (killed) await telling.kill?.(gate);
    await end;
    if (place && !killed) return null;
    const kept = (await gate.laneClient.state())?.ledger.expectedLatest?.images ?? [];
    const after = await gate.latest();
    const taken = putsTaken(registry, gate).slice(written);
    return {
      ending: {
        outcome: outcomeOfRun(await awaitRunEnd(handle)),
        latest: after.map((digest, image) => {
          const at = digest === plot.target[image] ? 'target' : digest === before[image] ? 'as before' : `at ${digest}`;
          const inLedger = kept.find(({ repository }) => repository.endsWith(`/${gate.repositories[image]}`));
          return digest === inLedger?.digest ? at : `${at}, and the ledger has ${inLedger?.digest}`;
        }),
        writes: gate.repositories.map((one) => taken.filter((repository) => repository === one).length),
        ...(beside?.left && { left: beside.left() }),
      },
      events: {
        run: await typesOf(gate, handle.workflowId, since),
        mover: await typesOf(gate, moveLatestId(gate.lane), since),
      },
      ...(killed && { died: await lastEvent(gate, killed, killedAt) }),
    };
  } finally {
    await gate.close();
    await beside?.stop();
  }
}

/** Waits until the run has ended, while people do what the story says. */
async function awaitEnd(gate: Gate, handle: WorkflowHandle, act?: (handle: WorkflowHandle) => Promise<void>) {
  await until(
    'the story has ended',
    async () => {
      // The server may be down, and a decision may come at the wrong moment: it is sent again.
      await act?.(handle).catch(() => undefined);
      const run = await findRun(gate.client, handle.workflowId).catch(() => null);
      return run !== null && !isOpen(run);
    },
    LIMIT_MS,
  );
}

/** Waits until the history has the event, and returns whose it is; null if it ends before. */
async function reached(
  gate: Gate,
  { workflowId }: WorkflowHandle,
  { of, event }: Place,
  since: number,
): Promise<{ workflowId: string; runId: string } | null> {
  const id = of === 'run' ? workflowId : moveLatestId(gate.lane);
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await delay(5)) {
    const run = await findRun(gate.client, id).catch(() => null);
    if (run && isOf(run, since) && run.historyLength >= event) return { workflowId: id, runId: run.runId };
    if (of === 'run' && run && !isOpen(run)) return null;
  }
  return null;
}

/** Whether a run is of the story: its mover has the id of those before. */
const isOf = ({ startTime }: { startTime: Date }, since: number) => startTime.getTime() >= since;

/** The last event of a run that the server had at a time. */
async function lastEvent(gate: Gate, { workflowId, runId }: { workflowId: string; runId: string }, at: number) {
  const { events } = await gate.client.workflow.getHandle(workflowId, runId).fetchHistory();
  const before = (events ?? []).filter(({ eventTime }) => timeOf(eventTime) <= at);
  return { event: before.length, type: typeOf(before.at(-1) ?? {}) };
}

const timeOf = (time: { seconds?: unknown; nanos?: number | null } | null | undefined) =>
  Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1_000_000);
const typeOf = (event: object) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '?';

/** Types of the events of the latest run with this id. */
async function typesOf(gate: Gate, workflowId: string, since: number): Promise<string[]> {
  const run = await findRun(gate.client, workflowId);
  if (run === null || !isOf(run, since)) return [];
  const { events } = await gate.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).map(typeOf);
}
