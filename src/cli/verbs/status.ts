import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import { type Lane, releaseId, rollbackId } from '../../contract/ids.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { oneLine } from '../../domain/markdown.js';
import { withClient } from '../../temporal/connect.js';
import { isSilent, laneNow } from '../../temporal/lane-view.js';
import { overview } from '../../temporal/overview.js';
import { type ProductionNow, productionLine, productionNow } from '../../temporal/production.js';
import { findRun, queryStatus, runEnd } from '../../temporal/runs.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../requester.js';
import { overviewLines, runStatusLines } from '../status-lines.js';

/** What is to be said, for people and for machines. */
interface Told {
  lines: string[];
  data: unknown;
  /** Nobody answered for a run that is under way. */
  silent?: string;
}

/** Between two looks of `--watch`, in milliseconds. */
const WATCH_MS = 1_000;

export function status(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const [text] = given.args;
  const sha = text === undefined ? null : parseSha(text);
  return withClient(io.env, async (client) => {
    const look = () => (sha === null ? everything(client, lane) : oneBuild(client, lane, sha));
    const tell = ({ lines, data }: Told) => {
      for (const line of wantsJson(given) ? [JSON.stringify(data)] : lines) io.out(line);
    };
    let told = await look();
    tell(told);
    for (let last = essence(told); given.options.watch === true && !io.signal.aborted; ) {
      await delay(WATCH_MS, undefined, { signal: io.signal }).catch(() => undefined);
      told = await look();
      if (essence(told) !== last) tell(told);
      last = essence(told);
    }
    if (told.silent !== undefined) io.err(`canary: ${told.silent} is running, but no worker answers for it`);
    return told.silent === undefined ? EXIT.done : EXIT.fault;
  });
}

/** Data without the clock in it: what is worth showing again. */
const essence = ({ data }: Told) => JSON.stringify(data);

async function everything(client: Client, lane: Lane): Promise<Told> {
  const data = await overview(client, lane);
  return { lines: overviewLines(data, Date.now()), data };
}

/** The release of a build and the rollback to it, where they are there; the one that began last comes first. */
async function oneBuild(client: Client, lane: Lane, sha: Sha): Promise<Told> {
  const ids = [releaseId(lane, sha), rollbackId(lane, sha)];
  const found = (await Promise.all(ids.map((id) => findRun(client, id)))).filter((run) => run !== null);
  if (found.length === 0) throw new InvalidInput(`there is no run ${ids.join(' nor ')}`);
  found.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
  const [production, ...told] = await Promise.all([
    productionNow(client, lane, sha),
    ...found.map(({ workflowId, status: { name } }) => oneRun(client, lane, workflowId, name)),
  ]);
  const silent = told.find((run) => run.silent)?.silent;
  const data = told.map((run, index) => (index === 0 && production ? withProduction(run.data, production) : run.data));
  const seen = production ? [`  production: ${oneLine(productionLine(production))}`] : [];
  return {
    lines: [...told.flatMap(({ lines }) => lines), ...seen],
    data: data.length === 1 ? data[0] : data,
    ...(silent && { silent }),
  };
}

/** A run that no worker answers for has no data, whatever is known beside it. */
function withProduction(data: unknown, { words: production, asOf: productionAsOf }: ProductionNow): unknown {
  return data === null ? null : { ...Object(data), production, productionAsOf };
}

async function oneRun(client: Client, lane: Lane, workflowId: string, execution: string): Promise<Told> {
  if (execution !== 'RUNNING') {
    const end = await runEnd(client.workflow.getHandle(workflowId));
    const data = end.report ?? { outcome: end.outcome, why: end.why };
    return { lines: [`${workflowId} ${data.outcome}: ${data.why}`], data };
  }
  const state = await queryStatus(client, workflowId);
  if (state === null) return { lines: [], data: null, silent: workflowId };
  const before = state.phase === 'queued' ? await whoIsBefore(client, lane, workflowId) : [];
  const lines = runStatusLines(workflowId, state, Date.now());
  if (before.length === 0) return { lines, data: state };
  const words = before.map(({ sha, phase }) => (phase ? `${sha} (${phase})` : sha));
  return { lines: [...lines, `  before it: ${words.join(', then ')}`], data: { ...state, before } };
}

/** Who has the turn, and who gets it before this one. */
async function whoIsBefore(client: Client, lane: Lane, workflowId: string) {
  const told = await laneNow(client, lane);
  if (isSilent(told)) return [];
  const at = told.queue.findIndex((one) => one.workflowId === workflowId);
  const { holder } = told;
  const waiting = told.queue.slice(0, Math.max(0, at)).map(({ sha }) => ({ sha, phase: null }));
  return at < 0 || holder === null ? waiting : [{ sha: holder.sha, phase: holder.phase }, ...waiting];
}
