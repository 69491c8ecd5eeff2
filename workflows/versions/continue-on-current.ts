import { type ContinueAsNewOptions, makeContinueAsNewFunc, type Workflow, workflowInfo } from '@temporalio/workflow';

/** Events that a run has at least before it follows a change of version: it could be handed back and forth between two. */
const SETTLED_EVENTS = 20;

/** Whether the workers' deployment has another current version than the one that this run began with. */
export const isOutdated = () => {
  const { targetWorkerDeploymentVersionChanged, historyLength } = workflowInfo();
  return targetWorkerDeploymentVersionChanged && historyLength > SETTLED_EVENTS;
};

/** Continues as new, on the current version of the workers if they have versions: a run is pinned to the one that it began with. */
export function continueOnCurrent<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  const options: ContinueAsNewOptions =
    workflowInfo().currentDeploymentVersion === undefined ? {} : { initialVersioningBehavior: 'AUTO_UPGRADE' };
  return makeContinueAsNewFunc<F>(options)(...args);
}
