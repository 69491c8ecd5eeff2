import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { queryStatus, sendDecision } from '../../src/temporal/runs.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { isForced } from '../choices.js';
import { ADA, adopt, latestOf, type Stage } from './stage.js';
import { oneOf } from './tenants.js';

// What people decide, adopt, and do past Temporal.

/** Sends a decision to each run that is held, and returns how many took it.
 * @param may ids of the runs that may be held: no other one is asked */
export async function decideHeld(
  { servers, runs, holds }: Stage,
  verb: 'approve' | 'retry' | 'abort',
  may?: ReadonlySet<string>,
): Promise<number> {
  const ids = new Set(runs.map(({ workflowId }) => workflowId));
  const taken = await Promise.all(
    [...ids]
      .filter((id) => may?.has(id) ?? true)
      .map(async (id) => {
        const hold = (await queryStatus(servers.client, id))?.hold;
        const earlier = holds.get(id);
        if (hold) holds.set(id, hold.id);
        // An approval of the hold before this one must not count for this one.
        if (hold && earlier !== undefined && earlier !== hold.id)
          await sendDecision(servers.client, id, 'approve', { ...ADA, hold: earlier }).catch(() => undefined);
        const sent = hold && sendDecision(servers.client, id, verb, { ...ADA, hold: hold.id });
        return sent ? sent.then(() => true).catch(() => false) : false;
      }),
  );
  return taken.filter(Boolean).length;
}

/** Adopts `:latest`: with its build, as the command line reads it of a label, or without, as of an image that has none. */
export async function adoptLatest(stage: Stage, choice: number): Promise<void> {
  const [latest = null] = choice % 2 === 0 ? await latestOf(stage) : [];
  const live = stage.builds.find(({ digests }) =>
    Object.values(digests).some((pushed) => pushed.includes(latest ?? '')),
  );
  await adopt(stage, live?.sha);
}

export async function direct(stage: Stage, choice: number): Promise<void> {
  const { sha } = oneOf(stage.builds, choice);
  const force = isForced(choice) ? ['--force'] : [];
  const args = ['rollback', sha, '--direct', ...force, '--reason', 'chaos', '--by', 'ada'];
  const from = Date.now();
  const ran = promisify(execFile)(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TEMPORAL_ADDRESS: stage.servers.address,
      CANARY_LANE: stage.lane,
      CANARY_IMAGES: stage.repositories.map((name) => `${stage.servers.proxy.direct}/${name}`).join(','),
    },
    timeout: 60_000,
  });
  const end = ({ stdout, stderr }: { stdout: string; stderr: string }, isDone: boolean) => {
    stage.printed.push(`${stdout}${stderr}`);
    stage.direct.push({ from, to: Date.now(), sha, isDone });
  };
  await ran.then(
    (printed) => end(printed, true),
    (error) => {
      end(error, false);
      throw error;
    },
  );
}
