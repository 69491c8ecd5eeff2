import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { main } from '../src/cli/main.js';
import { checkDriftId, parseLane, taskQueue } from '../src/contract/ids.js';
import { laneCommandUpdate } from '../src/contract/messages.js';
import type { ReleaseInput, ReleaseReport } from '../src/contract/release.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { queryStatus, sendDecision } from '../src/temporal/runs.js';
import { type Actions, actions, actionsSince, totalOf } from '../testbed/actions.js';
import { type Bed, makeBed, requirePromoted, start, withGate } from './release-bed.js';
import { table, writeSection } from './report.js';

/** Length of a sample of a state, and the time that the state gets to settle first, in milliseconds. */
const [SAMPLE_MS, SETTLE_MS] = [60_000, 12_000];
/** Soak of the release that is measured: longer than both, and than the poll that starts it. */
const SOAK = '80s';
/** Time after a release in which the lane still has work with it, in milliseconds: it reads `:latest` once more. */
const AFTER_MS = 66_000;
/** Minutes of the release whose total has a limit, and between two checks for drift. */
const [WAIT, SOAKED, DRIFTS] = [9.5, 6, 5];
/** Limits: of that release, and of a minute in which it is held for a person. */
const [MOST, MOST_HELD] = [150, 10];

const LANE = parseLane('');
const ada = { by: 'ada', reason: 'a bench' };

interface Release {
  sha: string;
  handle: WorkflowHandleWithFirstExecutionRunId;
}
type Sample = (state: string, minutes?: number) => Promise<number>;

/** Measures what waiting costs: the Actions of a release, and of each minute of a wait, with the settings as they are shipped but for the length of the soak. */
export async function benchCost(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const bed = await makeBed();
  try {
    await withGate(bed, 3, { CANARY_SOAK: '1s', CANARY_UPDATE_CYCLE: '0' }, async (fleet) => {
      const release = async (more: Partial<ReleaseInput> = {}): Promise<Release> => {
        const sha = await bed.publish();
        return { sha, handle: await start(bed, sha, more) };
      };
      const deploy = ({ sha }: Release) => fleet.deploy({ sha });
      await report(bed, release, deploy);
    });
  } finally {
    await bed.stop();
  }
}

async function report(
  bed: Bed,
  release: (more?: Partial<ReleaseInput>) => Promise<Release>,
  deploy: (build: Release) => Promise<number>,
): Promise<void> {
  const sample: Sample = async (state, minutes = 1) => {
    await delay(SETTLE_MS);
    return totalOf(await actionsIn(bed, state, () => delay(minutes * SAMPLE_MS))) / minutes;
  };
  await actionsIn(bed, 'the first release', async () => {
    const first = await release();
    await deploy(first);
    await requirePromoted(first.handle);
    await delay(AFTER_MS);
  });

  let [waiting, soaking, waited, soaked] = [0, 0, 0, 0];
  const total = totalOf(
    await actionsIn(bed, 'a release', async () => {
      const one = await release({ soak: SOAK });
      waiting = await sample('awaiting-canary', 2);
      await deploy(one);
      soaking = await sample('soaking');
      await requirePromoted(one.handle);
      const minutes = minutesOf((await one.handle.result()) as ReleaseReport);
      [waited, soaked] = [minutes('awaiting-canary'), minutes('soaking')];
      await delay(AFTER_MS);
    }),
  );
  const fixed = Math.round(total - waiting * waited - soaking * soaked);

  // The first one is reported to the lane; the next ones find what it knows.
  await checkDrift(bed);
  await delay(SETTLE_MS);
  const drift = totalOf(
    await actionsIn(bed, 'a check for drift', async () => {
      await checkDrift(bed);
      // The server counts some time after what it counted, and a check takes less than a second.
      await delay(SETTLE_MS);
    }),
  );

  const held = await release({ approval: 'required' });
  await deploy(held);
  await reaches(bed, held, 'approval');
  const [ofHeld, ofFollowed] = [await sample('held'), await followed(bed, held, sample)];
  const next = await release({ force: true, reason: 'a bench' });
  await isQueued(bed, next);
  const ofQueued = await sample('held, one queued');
  await laneClient(bed.client, LANE).update(laneCommandUpdate('pause'), ada);
  await sendDecision(bed.client, held.handle.workflowId, 'abort', ada);
  await deploy(next);
  await reaches(bed, next, 'paused');
  const last = await release();
  await isQueued(bed, last);
  const ofPaused = await sample('paused, one queued');
  for (const { handle } of [last, next]) await handle.terminate('the bench is over');

  const whole = fixed + WAIT * waiting + SOAKED * soaking + Math.floor((WAIT + SOAKED) / DRIFTS) * drift;
  const perDay = (perMinute: number) => (perMinute * 24 * 60).toLocaleString('en');
  const rows = [
    [`a release: ${WAIT} min wait, ${SOAKED} min soak, 3 tenants`, `${Math.round(whole)}`, '', `${MOST}`],
    ['… apart from its waits', `${fixed}`, '', ''],
    ['… a minute of the wait for the canaries', `${waiting}`, '', ''],
    ['… a minute of the soak', `${soaking}`, '', ''],
    ['a check for drift, every 5 min', `${drift}`, perDay(drift / DRIFTS), ''],
    ['a minute held for a person', `${ofHeld}`, perDay(ofHeld), `${MOST_HELD}`],
    ['… and followed by `canary release --wait`', `${ofFollowed}`, perDay(ofFollowed), `${MOST_HELD}`],
    ['… and one more release queued', `${ofQueued}`, perDay(ofQueued), ''],
    ['a minute paused, one GREEN and one queued', `${ofPaused}`, perDay(ofPaused), ''],
  ];
  writeSection('cost', [
    "Actions as Temporal Cloud counts them, by the server's own counter `action`, on three tenants. The settings are those shipped, " +
      `but the release waited ${waited.toFixed(1)} min and soaked ${soaked.toFixed(1)}: the total is extrapolated from samples of a minute, ` +
      `as in [install](install.md#what-it-costs-in-temporal-actions). It includes ${Math.floor((WAIT + SOAKED) / DRIFTS)} checks for drift.`,
    table(['', 'Actions', 'a day', 'at most'], rows),
  ]);
  console.log(table(['', 'Actions', 'a day', 'at most'], rows));
  if (whole > MOST || ofHeld > MOST_HELD || ofFollowed > MOST_HELD) process.exitCode = 1;
}

/** Actions in the namespace while `work` runs. */
async function actionsIn({ temporal }: Bed, name: string, work: () => Promise<unknown>): Promise<Actions> {
  const before = await actions(temporal.metricsUrl);
  await work();
  const found = actionsSince(await actions(temporal.metricsUrl), before);
  console.log(name, Object.fromEntries(found));
  return found;
}

function checkDrift({ client }: Bed): Promise<unknown> {
  return client.workflow.execute('CheckDrift', { workflowId: checkDriftId(LANE), taskQueue: taskQueue(LANE) });
}

/** Samples a release that `canary release --wait` follows. */
async function followed({ temporal }: Bed, { sha }: Release, sample: Sample): Promise<number> {
  const detach = new AbortController();
  const [out, err, input] = [() => undefined, console.error, async () => ''];
  const env = { TEMPORAL_ADDRESS: temporal.address };
  const args = ['release', sha, '--approval', 'required', '--wait'];
  const following = main(args, { env, out, err, input, signal: detach.signal });
  const count = await sample('held, followed');
  detach.abort();
  await following;
  return count;
}

async function reaches({ client }: Bed, { handle }: Release, why: string): Promise<void> {
  while (!(await queryStatus(client, handle.workflowId))?.why.startsWith(why)) await delay(500);
}

async function isQueued({ client }: Bed, { sha }: Release): Promise<void> {
  while (!(await laneClient(client, LANE).state())?.queue.some((one) => one.sha === sha)) await delay(500);
}

/** Minutes that a release spent in a phase. */
const minutesOf =
  ({ phases }: ReleaseReport) =>
  (phase: string) =>
    phases.filter((one) => one.phase === phase).reduce((sum, { ms }) => sum + ms, 0) / 60_000;
