import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import { taskQueue } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { workflowOptions } from '../../workers/create-worker.js';
import { logged, useGate, workflowBundle } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('no-worker', () => ({ isIdle: true }));
/** Longer than the attempts to publish an event take while each of them fails, in milliseconds. */
const AWAY_MS = 70_000;

fullTest(
  'an event of a run whose worker dies before it is published is told by the next worker, however long that takes',
  async () => {
    // It carries out workflow tasks alone: what they schedule waits, as that of a worker that dies then.
    const tasks = await Worker.create({
      connection: gate().connection,
      namespace: 'default',
      taskQueue: taskQueue(gate().lane),
      ...workflowOptions(workflowBundle(), null),
    });
    const running = tasks.run();
    const release = await gate().release({ sha: newSha() });
    await until('its first event is to be published', async () => {
      const { events } = await release.fetchHistory();
      return events?.some(
        ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'publish',
      );
    });
    tasks.shutdown();
    await running;
    const since = Date.now();
    await until('no worker has polled for longer', () => Date.now() - since > AWAY_MS, 2 * AWAY_MS);
    await gate().startWorker();
    const id = `${release.firstExecutionRunId}-1`;
    const line = await until('it is told', () => logged.find(({ meta }) => meta?.id === id), 30_000);
    expect(line).toMatchObject({ message: 'phase-entered', meta: { phase: 'queued' } });
    await awaitRunEnd(release);
  },
  240_000,
);
