import type { Client } from '@temporalio/client';
import { type Lane, moveTaskQueue, stopsReleases, taskQueue } from '../contract/ids.js';
import { lostEvents } from '../temporal/deliveries/lost-events.js';
import { NoAnswer, withinTime } from '../temporal/faults/in-time.js';
import { overview } from '../temporal/overview.js';
import { listRunsOf, RunsUnlisted } from '../temporal/records/listing.js';
import { resetFix, type Unseen, VISIBILITY_FIX } from '../temporal/records/trouble.js';
import type { Finding } from './finding.js';

/** Problems of open runs: a workflow task that fails repeatedly, a hold, a pair split. */
export async function checkRuns(client: Client, lane: Lane): Promise<Finding[]> {
  const [stuck, { running, alarm, troubles, unlisted, unseen }] = await Promise.all([
    stuckRuns(client, lane).catch(unlistedOnly),
    overview(client, lane),
  ]);
  const why = unlisted ?? (stuck instanceof RunsUnlisted ? stuck.why : null);
  const held = running.filter(({ waitingFor }) => waitingFor !== null);
  const found: Finding[] = [
    ...(why === null ? [] : [unlistedFinding(why)]),
    ...(stuck === null ? [UNMARKED] : []),
    ...(unseen && !(why && unseen.reason === 'unlisted') ? [unseenFinding(unseen)] : []),
    ...(alarm ? [alarmFinding(alarm)] : []),
    ...troubles.map(
      ({ workflowId, what, fix, otherwise }): Finding => ({
        area: 'runs',
        level: stopsReleases(workflowId) ? 'stops' : 'warning',
        what: `${workflowId} ${what}`,
        fix: otherwise === undefined ? fix : `${fix}; if that does not help: ${otherwise}`,
      }),
    ),
    ...(stuck instanceof RunsUnlisted ? [] : (stuck ?? []))
      .filter((id) => troubles.every(({ workflowId }) => workflowId !== id))
      .map(
        (workflowId): Finding => ({
          area: 'runs',
          level: stopsReleases(workflowId) ? 'stops' : 'warning',
          what: `${workflowId} is stuck: its workflow task fails again and again`,
          fix: resetFix(workflowId),
        }),
      ),
    ...held.map(
      ({ workflowId, waitingFor, sha }): Finding => ({
        area: 'runs',
        level: 'note',
        what: `${workflowId} is held: ${waitingFor}`,
        fix: `canary status ${sha}`,
      }),
    ),
  ];
  return found.length > 0 ? found : [{ area: 'runs', level: 'ok', what: 'no run is stuck or held' }];
}

/** A server may list runs, and refuse to look for those that are stuck: an older one does not know them. */
function unlistedOnly(error: unknown): RunsUnlisted {
  if (error instanceof RunsUnlisted) return error;
  throw error;
}

/** Of a server before 1.30. It is no fault, and stays so. */
const UNMARKED: Finding = {
  area: 'runs',
  level: 'note',
  what: 'this Temporal does not mark runs whose workflow task fails again and again: only those that a release or the lane waits for are found',
  fix: 'Temporal 1.30 or newer',
};

const unlistedFinding = (why: string): Finding => ({
  area: 'runs',
  level: 'warning',
  what: `runs cannot be listed, so one that is stuck is not found: ${why}`,
  fix: VISIBILITY_FIX,
});

const unseenFinding = ({ what, fix }: Unseen): Finding => ({ area: 'runs', level: 'warning', what, fix });

function alarmFinding({
  workflowId,
  outcome,
  why,
}: NonNullable<Awaited<ReturnType<typeof overview>>['alarm']>): Finding {
  const fix = 'canary rollback to a build that is good; if :latest was fixed by hand, canary lane adopt';
  return { area: 'runs', level: 'stops', what: `${workflowId} ended ${outcome}: ${why}`, fix };
}

/** How long histories of deliveries may take, in milliseconds. */
const LOST_MS = 5_000;

/** Sinks that did not get what people should know. */
export async function checkDeliveries(client: Client, lane: Lane): Promise<Finding[]> {
  try {
    return (await lostEvents(client, lane, LOST_MS)).map(
      (lost): Finding => ({ ...lost, area: 'runs', level: 'warning' }),
    );
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const what = `events that sinks did not get are not known: ${error.message}`;
    return [{ area: 'runs', level: 'warning', what, fix: 'run doctor again once Temporal answers' }];
  }
}

/** Most runs that are named. */
const MAX_STUCK = 100;

/** Search attribute of runs whose workflow task fails again and again. */
const REPORTED_PROBLEMS = 'TemporalReportedProblems';
/** Minor version of the first server 1.x that has it. An older one refuses a query with its name. */
const REPORTED_SINCE = 30;
/** Time limit of the question for the server's version, in milliseconds. */
const VERSION_MS = 1_500;

/** Runs whose workflow task fails again and again (docs/protocol.md, Messages that cannot break a run); null if the server is an older one, which does not mark them.
 * @throws {RunsUnlisted} */
export async function stuckRuns(client: Client, lane: Lane): Promise<string[] | null> {
  const queues = [taskQueue(lane), moveTaskQueue(lane)].map((queue) => `'${queue}'`).join(', ');
  const query = `${REPORTED_PROBLEMS} IS NOT NULL AND CloseTime IS NULL AND TaskQueue IN (${queues})`;
  try {
    return (await listRunsOf(client, lane, query, MAX_STUCK)).map(({ workflowId }) => workflowId);
  } catch (error) {
    if (await marksNone(client)) return null;
    throw error;
  }
}

/** Whether the server is too old to mark runs that are stuck; false if it does not say its version. */
async function marksNone(client: Client): Promise<boolean> {
  const asked = withinTime(client, VERSION_MS, () => client.workflowService.getSystemInfo({}));
  const { serverVersion } = await asked.catch(() => ({ serverVersion: '' }));
  const minor = /^1\.(\d+)\./.exec(serverVersion)?.[1];
  return minor !== undefined && Number(minor) < REPORTED_SINCE;
}
