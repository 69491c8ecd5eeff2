import type { Client } from '@temporalio/client';
import type { Lane } from '../contract/ids.js';
import { oneLine } from '../domain/markdown.js';
import { LIFTS, laneView } from '../lane/view.js';
import { LANE_UNAVAILABLE, laneState } from '../temporal/lane-client.js';
import { isUnavailable, isUnserved, readLane } from '../temporal/lane-view.js';
import { PayloadUnreadable } from '../temporal/payloads/codec.js';
import { KEY_FILE } from '../temporal/payloads/keys.js';
import type { Finding } from './finding.js';

/** Whether builds are promoted automatically, or what prevents it. */
export async function checkLane(client: Client, lane: Lane): Promise<Finding[]> {
  const [state, unserved] = await Promise.all([readLane(client, lane), isUnserved(client, lane)]);
  if (state === 'unreadable') return [await missingKey(client, lane)];
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

/** Names the key, never what it is. */
async function missingKey(client: Client, lane: Lane): Promise<Finding> {
  const why = await laneState(client, lane).catch((error: unknown) => {
    if (error instanceof PayloadUnreadable) return error.message;
    throw error;
  });
  // It may have come meanwhile.
  const what = `the lane cannot be read here: ${typeof why === 'string' ? why : LANE_UNAVAILABLE.unreadable}`;
  return { area: 'lane', level: 'stops', what, fix: `the same lines in ${KEY_FILE} here and in every worker` };
}
