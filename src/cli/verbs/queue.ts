import { pictureOf } from '../../domain/lane/picture.js';
import { queryStatus } from '../../temporal/runs.js';
import { askLane } from '../ask-lane.js';
import type { Given, Io } from '../command.js';
import { queueLines } from '../lane-lines.js';

/** How long the holder gets to say its phase, in milliseconds: all has to be told within two seconds. */
const ANSWER_MS = 800;

export function queue(given: Given, io: Io): Promise<number> {
  return askLane(given, io, async (state, client) => {
    const now = Date.now();
    const { holder, queue, rollback, hold, pause } = pictureOf(state, now);
    const status = holder && (await queryStatus(client, holder.workflowId, ANSWER_MS));
    const at = { phase: status?.phase ?? null, until: status?.until ?? null };
    const data = { holder: holder && { ...holder, ...at }, queue, rollback, hold, pause };
    return { lines: queueLines(data, now), data };
  });
}
