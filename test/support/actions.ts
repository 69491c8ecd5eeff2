import type { WorkflowHandle } from '@temporalio/client';
import { type Actions, actions } from '../../testbed/actions.js';
import { until } from './until.js';

const MARKER = 'grpc_SignalWorkflowExecution';

/**
 * Actions up to now, with the last of them. The server hands its counters out once a second, all together: a signal to
 * `marker`, the only run of the test that gets signals of a client, is counted with what came before it.
 */
export async function allActions(marker: WorkflowHandle, metricsUrl: string): Promise<Actions> {
  const counted = (await actions(metricsUrl)).get(MARKER) ?? 0;
  await marker.signal('marker');
  return until('the server has counted the marker', async () => {
    const found = await actions(metricsUrl);
    const isCounted = (found.get(MARKER) ?? 0) > counted;
    found.delete(MARKER);
    return isCounted ? found : undefined;
  });
}
