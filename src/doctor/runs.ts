import type { Client } from '@temporalio/client';
import { type Lane, moveTaskQueue, ofGate, taskQueue } from '../contract/ids.js';
import { overview } from '../temporal/overview.js';
import { tolerantOf } from '../temporal/payloads/tolerant.js';
import type { Finding } from './finding.js';

/** Problems of open runs: a workflow task that fails repeatedly, a hold, a pair split. */
export async function checkRuns(client: Client, lane: Lane): Promise<Finding[]> {
  const [stuck, { running, alarm }] = await Promise.all([stuckRuns(client, lane), overview(client, lane)]);
  const held = running.filter(({ waitingFor }) => waitingFor !== null);
  const found: Finding[] = [
    ...(alarm ? [alarmFinding(alarm)] : []),
    ...stuck.map(
      (workflowId): Finding => ({
        area: 'runs',
        level: 'stops',
        what: `${workflowId} is stuck: its workflow task fails again and again`,
        fix: `temporal workflow reset --workflow-id ${workflowId} --type LastWorkflowTask --reapply-exclude Signal --reason stuck`,
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

function alarmFinding({
  workflowId,
  outcome,
  why,
}: NonNullable<Awaited<ReturnType<typeof overview>>['alarm']>): Finding {
  const fix = 'canary rollback to a build that is good';
  return { area: 'runs', level: 'stops', what: `${workflowId} ended ${outcome}: ${why}`, fix };
}

/** docs/protocol.md, Messages that cannot break a run. */
async function stuckRuns(client: Client, lane: Lane): Promise<string[]> {
  const queues = [taskQueue(lane), moveTaskQueue(lane)].map((queue) => `'${queue}'`).join(', ');
  const query = `TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running' AND TaskQueue IN (${queues})${ofGate(lane)}`;
  const ids: string[] = [];
  for await (const { workflowId } of tolerantOf(client).list({ query })) ids.push(workflowId);
  return ids;
}
