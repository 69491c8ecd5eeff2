import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { readGates } from '../../config/gates.js';
import { readSetting } from '../../config/schema.js';
import { InvalidInput, nullIfInvalid } from '../../contract/brand.js';
import { gateOf, type Lane, parseRunId, releaseId, rollbackId } from '../../contract/ids.js';
import type { Repository } from '../../contract/image.js';
import { DECISIONS } from '../../contract/messages.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { oneLine } from '../../domain/markdown.js';
import { ledgerRecordLines } from '../../report/ledger-record.js';
import { isOutage, withClient } from '../../temporal/connect.js';
import { lostEvents } from '../../temporal/deliveries/lost-events.js';
import { NoAnswer, promptly, whyNot } from '../../temporal/faults/in-time.js';
import { gatesNow } from '../../temporal/gates.js';
import { isUnavailable, laneNow } from '../../temporal/lane-view.js';
import { overview } from '../../temporal/overview.js';
import { type ProductionNow, productionLine, productionNow } from '../../temporal/production.js';
import { openAdditions } from '../../temporal/records/additions.js';
import { type Sender, sendersOf } from '../../temporal/records/senders.js';
import { type Trouble, troubleOf } from '../../temporal/records/trouble.js';
import { awaitRunEnd, findRun, isOpen, queryStatus } from '../../temporal/runs.js';
import { waitsFor } from '../../temporal/waits-for.js';
import { type Command, type Given, type Io, OUTPUT, TEMPORAL, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../identity.js';
import { recordFromLedger } from '../lane-query.js';
import { gateLines } from '../print/gates.js';
import { troubleLines } from '../print/lane.js';
import { noteLines, openCheckLines, overviewLines, runStatusLines } from '../print/status.js';

export const status: Command = {
  options: [{ flags: '--watch', description: 'print it again on every change, until Ctrl-C' }, ...OUTPUT],
  environment: [...TEMPORAL],
  examples: [
    'canary status',
    'canary --gate payments status',
    'canary status 4c1d56e --watch',
    'canary status -o json',
  ],
  run,
};

/** One status, for people and for machines. */
interface StatusOutput {
  lines: string[];
  data: unknown;
  /** The workflow id of a running run that no worker answered for. */
  silent?: string;
  /** What keeps a run from going on. */
  trouble?: Trouble;
}

/** Interval of `--watch`, in milliseconds. */
const WATCH_INTERVAL_MS = 1_000;

function run(given: Given, io: Io): Promise<number> {
  const [text] = given.args;
  const sha = text === undefined ? null : parseSha(text);
  const gates = readGates(io.env, (path) => readFileSync(path, 'utf8'));
  if (gates !== null && sha !== null)
    throw new InvalidInput(`--gate is missing: CANARY_GATES_FILE names ${[...gates.keys()].map(gateOf).join(', ')}`);
  const lane = laneFrom(io);
  return withClient(io.env, async (client) => {
    const readStatus = () => promptly(client, readNow);
    const readNow = () => {
      if (gates !== null) return gatesStatus(client, [...gates.keys()]);
      return sha === null ? overallStatus(client, lane, configuredImages(io)) : buildStatus(client, lane, sha);
    };
    const print = ({ lines, data }: StatusOutput) => {
      for (const line of wantsJson(given) ? [JSON.stringify(data)] : lines) io.out(line);
    };
    // Once, beside the first status: it reads histories.
    const lost = sha === null && gates === null ? lostLines(client, lane) : [];
    let result = await readStatus();
    print(result);
    for (const line of await lost) io.err(`canary: ${line}`);
    let isSlow = false;
    for (let last = comparableData(result); given.options.watch === true && !io.signal.aborted; ) {
      await delay(WATCH_INTERVAL_MS, undefined, { signal: io.signal }).catch(() => undefined);
      try {
        result = await readStatus();
        isSlow = false;
      } catch (error) {
        if (!(error instanceof NoAnswer || isOutage(error))) throw error;
        if (!isSlow) io.err(`canary: what is shown may be old: ${oneLine(whyNot(error))}; Temporal is asked again`);
        isSlow = true;
        continue;
      }
      if (comparableData(result) !== last) print(result);
      last = comparableData(result);
    }
    if (result.silent !== undefined && result.trouble === undefined)
      io.err(`canary: ${result.silent} is running, but no worker answers (canary worker)`);
    return result.silent === undefined ? EXIT.done : EXIT.fault;
  });
}

/** How long histories may take, in milliseconds. */
const LOST_MS = 1_500;

/** Events that sinks did not get, a line for each sink, or why that is not known. */
const lostLines = (client: Client, lane: Lane): Promise<string[]> =>
  lostEvents(client, lane, LOST_MS).then(
    (lost) => lost.map(({ what, fix }) => `${what} (${fix})`),
    (error: unknown) => [`events that sinks did not get are not known: ${oneLine(whyNot(error))}`],
  );

/** The data has no clock in it: it changes only if there is something new to print. */
const comparableData = ({ data }: StatusOutput) => JSON.stringify(data);

/** Images in the environment of this machine; null without any that can be read. */
function configuredImages({ env }: Io): Repository[] | null {
  const images = nullIfInvalid(() => readSetting(env, 'images')) ?? [];
  return images.length > 0 ? images.map(({ repository }) => repository) : null;
}

async function overallStatus(client: Client, lane: Lane, configured: Repository[] | null): Promise<StatusOutput> {
  const [data, adding] = await Promise.all([overview(client, lane), openAdditions(client, lane)]);
  const lines = adding.flatMap(({ workflowId, status: now }) => {
    if (now) return [`ADDING   ${now.slug}: ${now.phase}, ${now.why}`];
    const isStopped = data.troubles.some((trouble) => trouble.workflowId === workflowId);
    return isStopped ? [] : [`ADDING   ${workflowId}: no worker answers`];
  });
  return {
    lines: [...overviewLines(data, Date.now(), configured), ...lines],
    data: adding.length > 0 ? { ...data, adding } : data,
  };
}

async function gatesStatus(client: Client, lanes: Lane[]): Promise<StatusOutput> {
  const data = await gatesNow(client, lanes);
  return { lines: gateLines(data), data };
}

/** The release of a build and the rollback to it, as far as they exist; the one that started last comes first. Without one, what the ledger knows.
 * @throws {InvalidInput} if that is nothing. */
async function buildStatus(client: Client, lane: Lane, sha: Sha): Promise<StatusOutput> {
  const ids = [releaseId(lane, sha), rollbackId(lane, sha)];
  const found = (await Promise.all(ids.map((id) => findRun(client, id)))).filter((run) => run !== null);
  if (found.length === 0) {
    const record = await recordFromLedger(client, lane, sha, ids);
    return { lines: ledgerRecordLines(record), data: { ...record, run: null } };
  }
  found.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
  const [production, senders, ...result] = await Promise.all([
    productionNow(client, lane, sha),
    Promise.all(found.map((run) => sendersOf(client, run, SENT))),
    ...found.map((run) => runStatus(client, lane, run)),
  ]);
  const sent = result.flatMap(({ lines, silent }, index) => [
    ...lines,
    ...(silent ? [] : (senders[index] ?? []).map(senderLine)),
  ]);
  const silent = result.find((run) => run.silent)?.silent;
  const trouble = result.find((run) => run.trouble)?.trouble;
  const data = result.map((run, index) =>
    index === 0 && production ? withProduction(run.data, production) : run.data,
  );
  const productionLines = production
    ? [`  production: ${oneLine(productionLine(production))}`, ...(production.back ? [`  ${production.back}`] : [])]
    : [];
  return {
    lines: [...sent, ...productionLines],
    data: data.length === 1 ? data[0] : data,
    ...(silent && { silent }),
    ...(trouble && { trouble }),
  };
}

/** Messages whose senders are shown. */
const SENT = [...Object.keys(DECISIONS), 'force'];
const senderLine = ({ what, at, identity }: Sender) => `  ${at} ${what} sent by client ${oneLine(identity)}`;

/** Adds how production took the build; a run that no worker answers for has no data. */
function withProduction(data: unknown, { summary: production, asOf: productionAsOf, back }: ProductionNow): unknown {
  return data === null ? null : { ...Object(data), production, productionAsOf, productionBack: back };
}

async function runStatus(client: Client, lane: Lane, run: WorkflowExecutionDescription): Promise<StatusOutput> {
  const { workflowId } = run;
  if (!isOpen(run)) {
    const end = await awaitRunEnd(client.workflow.getHandle(workflowId));
    const data = end.report ?? { outcome: end.outcome, why: end.why };
    const open = 'tenants' in data ? openCheckLines(data.tenants) : [];
    return { lines: [`${workflowId} ${data.outcome}: ${data.why}`, ...open, ...noteLines(Object(data))], data };
  }
  const [trouble, output] = await Promise.all([troubleOf(client, run), openStatus(client, lane, workflowId)]);
  return trouble ? { ...output, lines: [...troubleLines(trouble), ...output.lines], trouble } : output;
}

async function openStatus(client: Client, lane: Lane, workflowId: string): Promise<StatusOutput> {
  // Temporal knows what a run waits for, without a worker.
  const [state, waits] = await Promise.all([queryStatus(client, workflowId), waitsFor(client, lane, workflowId)]);
  const waitLines = waits.map((one) => `  waits for ${one}`);
  if (state === null) return { lines: waitLines, data: null, silent: workflowId };
  const lines = [...runStatusLines(workflowId, state, Date.now()), ...waitLines];
  const data = parseRunId(workflowId).isRollback || waits.length > 0 ? { ...state, waitsFor: waits } : state;
  const before = state.phase === 'queued' ? await runsAhead(client, lane, workflowId) : [];
  if (before.length === 0) return { lines, data };
  const ahead = before.map(({ sha, phase }) => (phase ? `${sha} (${phase})` : sha));
  return { lines: [...lines, `  ahead in the queue: ${ahead.join(', then ')}`], data: { ...data, before } };
}

/** The holder of the lane, and the releases that are ahead in the queue. */
async function runsAhead(client: Client, lane: Lane, workflowId: string) {
  const result = await laneNow(client, lane);
  if (isUnavailable(result)) return [];
  const position = result.queue.findIndex((one) => one.workflowId === workflowId);
  const { holder } = result;
  const waiting = result.queue.slice(0, Math.max(0, position)).map(({ sha }) => ({ sha, phase: null }));
  return position < 0 || holder === null ? waiting : [{ sha: holder.sha, phase: holder.phase }, ...waiting];
}
