import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import proto, { type temporal } from '@temporalio/proto';
import { queueNow } from '../pollers.js';

type Stored = temporal.api.deployment.v1.IWorkerDeploymentVersion | null | undefined;
type Poller = Pick<temporal.api.taskqueue.v1.IPollerInfo, 'deploymentOptions'>;

const { VERSIONING_BEHAVIOR_PINNED: PINNED, VERSIONING_BEHAVIOR_AUTO_UPGRADE: AUTO_UPGRADE } =
  proto.temporal.api.enums.v1.VersioningBehavior;
const { WORKER_VERSIONING_MODE_VERSIONED: VERSIONED } = proto.temporal.api.enums.v1.WorkerVersioningMode;

/** Version of a Worker Deployment; null without one. */
export const versionOf = (stored: Stored): WorkerDeploymentVersion | null =>
  stored?.deploymentName ? { deploymentName: stored.deploymentName, buildId: stored.buildId ?? '' } : null;

/** Version that a run is pinned to, by its workers or by a person; null if it goes to the current one. */
export function pinnedTo({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): WorkerDeploymentVersion | null {
  const { versioningOverride, behavior, deploymentVersion } = raw.workflowExecutionInfo?.versioningInfo ?? {};
  if (versioningOverride?.pinned) return versionOf(versioningOverride.pinned.version);
  if (versioningOverride?.autoUpgrade || versioningOverride?.behavior === AUTO_UPGRADE) return null;
  return behavior === PINNED ? versionOf(deploymentVersion) : null;
}

/** Version that a worker polls as; null if it polls without one. */
export const versionOfPoller = ({ deploymentOptions: options }: Poller): WorkerDeploymentVersion | null =>
  options?.workerVersioningMode === VERSIONED ? versionOf(options) : null;

export const isSameVersion = (one: WorkerDeploymentVersion | null, other: WorkerDeploymentVersion | null): boolean =>
  one?.deploymentName === other?.deploymentName && one?.buildId === other?.buildId;

/** Workers that a run waits for, and that do not poll. */
export interface Stranded {
  what: string;
  fix: string;
}

const { PENDING_WORKFLOW_TASK_STATE_SCHEDULED: SCHEDULED } = proto.temporal.api.enums.v1.PendingWorkflowTaskState;

/** Why no worker that polls may take an open run, by Temporal's Worker Deployments; null if one may, or if it only needs any worker. */
export async function strandedBy(client: Client, run: WorkflowExecutionDescription): Promise<Stranded | null> {
  const pinned = pinnedTo(run);
  const isWaiting = run.raw.pendingWorkflowTask?.state === SCHEDULED;
  if (!pinned && !isWaiting) return null;
  const { pollers, versioningInfo } = await queueNow(client, run.taskQueue);
  const polled = pollers.map(versionOfPoller);
  const current = versionOf(versioningInfo?.currentDeploymentVersion);
  // A part of the runs that are not pinned goes to the version that is ramped.
  const ramped = versioningInfo?.rampingVersionPercentage ? [versionOf(versioningInfo.rampingDeploymentVersion)] : [];
  const wanted = pinned ? [pinned] : [current, ...ramped];
  if (wanted.some((version) => polled.some((one) => isSameVersion(one, version)))) return null;
  const needed = pinned ?? current;
  if (needed) {
    const start = `canary worker --deployment ${needed.deploymentName} --build-id ${needed.buildId}`;
    return {
      what: `needs a worker of version ${needed.buildId} of deployment ${needed.deploymentName}, ${pinned ? 'to which it is pinned' : 'which is current'}, and none polls`,
      fix: pinned
        ? `${start}; or, if the current version can go on with it: temporal workflow update-options --workflow-id ${run.workflowId} --versioning-override-behavior auto_upgrade`
        : `${start}; or make one current that polls: ${makeCurrent(polled.find((one) => one !== null) ?? needed)}`,
    };
  }
  const other = polled.find((one) => one !== null);
  if (!other) return null;
  return {
    what: 'needs a worker without --deployment, for no version is current, and none polls',
    fix: makeCurrent(other),
  };
}

const makeCurrent = ({ deploymentName, buildId }: WorkerDeploymentVersion) =>
  `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
