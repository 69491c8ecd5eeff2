import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { CanaryOutcome, CanaryPhase } from '../../../workflows/search-attributes.js';
import { InvalidInput } from '../../domain/brand.js';
import { parseLane, releaseId, taskQueue } from '../../domain/names.js';
import type { ReleaseStatus } from '../../domain/release.js';
import { parseSha } from '../../domain/sha.js';
import { withClient } from '../../temporal/client.js';
import { workersOn } from '../../temporal/pollers.js';
import { queryStatus, runEnd } from '../../temporal/runs.js';
import { type Command, type Given, type Io, OUTPUT, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';

/** Runs shown without a sha, the newest first. */
const SHOWN = 10;

export const status: Command = {
  name: 'status',
  arguments: '[sha]',
  summary: 'Where a release stands and why; without a sha, the latest runs.',
  options: OUTPUT,
  examples: ['canary status', 'canary status 4c1d56e'],
  run: (given, io) => {
    const lane = parseLane(io.env.CANARY_LANE ?? '');
    return withClient(io.env, async (client) => {
      const [sha] = given.args;
      if (sha !== undefined) return oneRun(client, releaseId(lane, parseSha(sha)), given, io);
      return latestRuns(client, taskQueue(lane), given, io);
    });
  },
};

async function oneRun(client: Client, workflowId: string, given: Given, io: Io): Promise<number> {
  const handle = client.workflow.getHandle(workflowId);
  const { status: execution } = await handle.describe().catch((error: unknown) => {
    throw (error as Error).name === 'WorkflowNotFoundError' ? new InvalidInput(`there is no run ${workflowId}`) : error;
  });
  if (execution.name !== 'RUNNING') {
    const end = await runEnd(handle);
    const told = end.report ?? { outcome: end.outcome, why: end.why };
    io.out(wantsJson(given) ? JSON.stringify(told) : `${workflowId} ${told.outcome}: ${told.why}`);
    return EXIT.done;
  }
  const state = await queryStatus(client, workflowId);
  if (state === null) io.err(`canary: ${workflowId} is running, but no worker answers for it`);
  else if (wantsJson(given)) io.out(JSON.stringify(state));
  else for (const line of lines(workflowId, state)) io.out(line);
  return state === null ? EXIT.fault : EXIT.done;
}

function lines(workflowId: string, state: ReleaseStatus): string[] {
  return [
    `${workflowId} ${state.phase} since ${state.since}: ${state.why}`,
    ...state.images.map(({ repository, digest }) => `  ${repository} ${digest}`),
    ...(state.hold ? [`  hold ${state.hold.id}, until ${state.hold.until}`] : []),
    ...state.refusals.map((refusal) => `  ${refusal}`),
    ...state.builds.map(({ tenant, build, why }) => `  ${tenant} runs ${build ?? `an unknown build (${why})`}`),
  ];
}

async function latestRuns(client: Client, queue: string, given: Given, io: Io): Promise<number> {
  const workers = await workersOn(client, queue);
  const runs: WorkflowExecutionInfo[] = [];
  const query = `TaskQueue = '${queue}' AND WorkflowType IN ('CanaryRelease', 'Rollback')`;
  for await (const run of client.workflow.list({ query })) if (runs.push(run) === SHOWN) break;
  const shown = runs.map((run) => ({
    workflowId: run.workflowId,
    status: run.status.name,
    phase: run.typedSearchAttributes.get(CanaryPhase) ?? null,
    outcome: run.typedSearchAttributes.get(CanaryOutcome) ?? null,
    started: run.startTime.toISOString(),
  }));
  if (wantsJson(given)) io.out(JSON.stringify({ workers, runs: shown }));
  else {
    io.out(
      workers.length > 0
        ? `workers: ${workers.join(', ')}`
        : `workers: NONE poll ${queue}: nothing moves until one does (canary worker)`,
    );
    for (const run of shown) io.out(`${run.started}  ${run.workflowId}  ${run.outcome ?? run.phase ?? run.status}`);
    if (shown.length === 0) io.out('no runs yet');
  }
  return EXIT.done;
}
