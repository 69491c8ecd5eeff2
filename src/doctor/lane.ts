import type { Client } from '@temporalio/client';
import type { Lane } from '../contract/ids.js';
import { oneLine } from '../domain/markdown.js';
import { LIFTS, laneView } from '../lane/view.js';
import { LANE_UNAVAILABLE } from '../temporal/lane-client.js';
import { isUnavailable, isUnserved, readLane } from '../temporal/lane-view.js';
import type { Finding } from './finding.js';

/** Whether builds are promoted automatically, or what prevents it. */
export async function checkLane(client: Client, lane: Lane): Promise<Finding[]> {
  const [state, unserved] = await Promise.all([readLane(client, lane), isUnserved(client, lane)]);
  if (isUnavailable(state))
    return [{ area: 'lane', level: state === 'closed' ? 'note' : 'stops', what: LANE_UNAVAILABLE[state] }];
  const { hold, pause, alarms } = laneView(state, Date.now());
  const found: Finding[] = alarms.map((what) => ({ area: 'lane', level: 'stops', what: oneLine(what, 1_000) }));
  if (unserved) found.push({ area: 'lane', level: 'stops', what: LANE_UNAVAILABLE.silent });
  if (hold) {
    const { command, effect } = LIFTS[hold.name];
    // A person started that hold; the others are unexpected.
    const level = hold.name === 'after-rollback' ? 'warning' : 'stops';
    const what = `automatic promotion is on hold: ${hold.name}, by ${oneLine(hold.by)}: ${oneLine(hold.why)}`;
    found.push({ area: 'lane', level, what, fix: `canary ${command}: ${effect}` });
  }
  if (pause) {
    const what = `paused until ${pause.until ?? 'a person resumes'}, by ${oneLine(pause.by)}: ${oneLine(pause.why)}`;
    found.push({ area: 'lane', level: 'warning', what, fix: 'canary resume --reason …' });
  }
  return found.length > 0 ? found : [{ area: 'lane', level: 'ok', what: 'promotion is automatic' }];
}
