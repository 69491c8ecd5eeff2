import { shortIdentity } from '../../config/hash.js';
import { type Lane, taskQueue } from '../../contract/ids.js';
import { TemporalUnreachable, withClient } from '../../temporal/connect.js';
import { isUnserved } from '../../temporal/lane-view.js';
import { KEY_FILE, payloadKeys } from '../../temporal/payloads/keys.js';
import { workersOn } from '../../temporal/pollers.js';
import type { Io } from '../command.js';

/** Why `canary rollback` is the better way; null if Temporal does not answer, cannot read its database, or no worker polls. Wrong credentials of this shell show none of it. */
export async function reasonAgainst(io: Io, lane: Lane): Promise<string | null> {
  const queue = taskQueue(lane);
  try {
    return await withClient(readableEnv(io.env), async (client) => {
      const [workers, unserved] = await Promise.all([workersOn(client, queue), isUnserved(client, lane)]);
      if (workers.length === 0) return null;
      const who = workers.map(shortIdentity).join(', ');
      return unserved
        ? `${who} polled ${queue} in the last 90 s, and may write; but none carries out a task of the lane: canary rollback … --force goes on after 60 s, if a worker runs`
        : `${who} polls ${queue}, so canary rollback works: its first write is out within 30 s`;
    });
  } catch (error) {
    if (!(error instanceof TemporalUnreachable)) throw error;
    return error.passes ? null : error.message;
  }
}

/** The environment without a key file that cannot be read: a rollback does not depend on it. */
function readableEnv(env: Io['env']): Io['env'] {
  try {
    payloadKeys(env);
    return env;
  } catch {
    return { ...env, [KEY_FILE]: '' };
  }
}
