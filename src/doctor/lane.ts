import type { Client } from '@temporalio/client';
import type { Lane } from '../contract/ids.js';
import { oneLine } from '../domain/markdown.js';
import { LIFTS, pictureOf } from '../lane/view.js';
import { LANE_SAYS_NOTHING } from '../temporal/lane-client.js';
import { isSilent, readLane } from '../temporal/lane-view.js';
import type { Finding } from './finding.js';

/** Whether builds are promoted by themselves, or what keeps them from it. */
export async function lookAtLane(client: Client, lane: Lane): Promise<Finding[]> {
  const first = await readLane(client, lane);
  // On a busy machine a second is short, and nobody waits for a doctor's every second.
  const told = first === 'silent' ? await readLane(client, lane) : first;
  if (isSilent(told))
    return [{ area: 'lane', level: told === 'closed' ? 'note' : 'stops', what: LANE_SAYS_NOTHING[told] }];
  const { hold, pause } = pictureOf(told, Date.now());
  const found: Finding[] = [];
  if (hold) {
    const { command, effect } = LIFTS[hold.name];
    // People chose that one; the others are surprises.
    const level = hold.name === 'after-rollback' ? 'warning' : 'stops';
    const what = `automatic promotion is on hold: ${hold.name}, by ${oneLine(hold.by)}: ${oneLine(hold.why)}`;
    found.push({ area: 'lane', level, what, mend: `${command}: ${effect}` });
  }
  if (pause) {
    const what = `paused until ${pause.until ?? 'somebody resumes'}, by ${oneLine(pause.by)}: ${oneLine(pause.why)}`;
    found.push({ area: 'lane', level: 'warning', what, mend: 'canary resume --reason …' });
  }
  return found.length > 0 ? found : [{ area: 'lane', level: 'ok', what: 'promotion is automatic' }];
}
