import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WORKFLOWS } from '../src/contract/ids.js';
import { joinQueueSignal } from '../src/contract/messages.js';
import { digestOf, ociError } from '../testbed/registry-store.js';
import { type Bed, isPut, shaOf } from './rollback-bed.js';

/** Delay of an answer of a slow registry, in milliseconds. */
const SLOW_MS = 2_000;

/** What happens before the rollback. */
export type Situation = (bed: Bed) => Promise<unknown>;

/** Bad situations in which a rollback must write soon. */
export const SITUATIONS: Record<string, Situation> = {
  'nothing else happens': () => Promise.resolve(),
  'a release soaks': (bed) => bed.releaseUntil('soaking', '--soak', '10m'),
  'a release waits for an approval': (bed) => bed.releaseUntil('awaiting-approval', '--approval', 'required'),
  'every canary tenant is down, and a release waits for them': async (bed) => {
    for (const tenant of bed.tenants) await tenant.stop();
    await bed.releaseUntil('awaiting-canary');
  },
  'a release has moved one image, and the other is refused': async (bed) => {
    refuseSecond(bed);
    await bed.releaseUntil('promoting');
    await bed.until('one image has moved', () => hasWritten(bed));
  },
  'the workflow task of the release that holds the lane fails forever': async (bed) => {
    const { lane, client } = bed;
    const sha = shaOf('next');
    const workflowId = `${lane}-canary-release-${sha.slice(0, 7)}`;
    const started = await client.workflow.start('ReleaseOfNextYear', {
      workflowId,
      taskQueue: `${lane}-canary-release`,
    });
    const request = { workflowId, runId: started.firstExecutionRunId, sha };
    await laneOf(bed).signal(joinQueueSignal, request as never);
    await bed.until('it holds the lane', async () => (await bed.canary('queue')).includes(sha));
  },
  'the lane was terminated': (bed) => laneOf(bed).terminate('the bench'),
  'the lane is on a queue that no worker polls': (bed) => replaceLane(bed, WORKFLOWS.lane, 'unpolled-queue'),
  'the workflow task of the lane fails forever': (bed) => replaceLane(bed, 'LaneOfNextYear'),
  'the canary fleet file is broken': async (bed) => {
    await bed.worker.kill('SIGTERM');
    const file = join(tmpdir(), `${bed.lane}-fleet.json`);
    writeFileSync(file, '{ "tenants": [');
    await bed.startWorker({ CANARY_FLEET_FILE: file, CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' });
  },
  'the registry takes 2 s for each answer': async ({ registry }) => {
    registry.faults.add({
      match: () => true,
      respond: async (_request, serve) => {
        await delay(SLOW_MS);
        return serve();
      },
    });
  },
  'the worker was killed in the middle of a move, and another one starts': async (bed) => {
    refuseSecond(bed);
    await bed.releaseUntil('promoting');
    await bed.until('one image has moved', () => hasWritten(bed));
    await bed.worker.kill('SIGKILL');
    await bed.startWorker();
  },
  'a worker is frozen in the middle of a move, beside another one': async (bed) => {
    refuseSecond(bed);
    await bed.releaseUntil('promoting');
    await bed.until('one image has moved', () => hasWritten(bed));
    process.kill(bed.worker.pid, 'SIGSTOP');
    await bed.startWorker();
  },
  'Temporal is down (`--direct`)': async (bed) => {
    await bed.temporal.kill();
  },
};

const laneOf = ({ client, lane }: Bed) => client.workflow.getHandle(`${lane}-release-lane`);

async function replaceLane(bed: Bed, type: string, taskQueue = `${bed.lane}-canary-release`): Promise<void> {
  await laneOf(bed).terminate('the bench');
  await bed.client.workflow.start(type, { workflowId: `${bed.lane}-release-lane`, taskQueue });
}

/** Refuses the writes of the second image of the next build. */
function refuseSecond({ registry, oldDigests }: Bed): void {
  registry.faults.add({
    match: (request) => isPut(request, 'platform-tenant') && !isOld(oldDigests, request.body),
    respond: () => ociError(503, 'UNAVAILABLE', 'down'),
  });
}

const isOld = (digests: string[], body: Buffer) => digests.includes(digestOf(body));

/** Whether one image of the next build is at `:latest`: the third write of that image, after the start and `promote`. */
const hasWritten = ({ registry }: Bed) =>
  registry.requests.filter((request) => isPut(request, '/platform') && request.status === 201).length > 2;
