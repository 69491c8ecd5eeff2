import { cancellationSignal, log } from '@temporalio/activity';
import { gateOf } from '../../src/contract/ids.js';
import { driftUpdate } from '../../src/contract/messages.js';
import type { Drift } from '../../src/contract/move.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';
import { findDriftOrBeginAgain } from './check-drift.js';

/** Gates whose registry is read at a time. */
const AT_A_TIME = 8;

/** Activities of the `CheckDrift` of all gates of a worker: each lane is told what is found in its registry, in one run instead of one for each gate. */
export function createSharedDrift(gates: ActivityDependencies[]) {
  const checkNext = async (rest: ActivityDependencies[]): Promise<void> => {
    for (let gate = rest.shift(); gate !== undefined; gate = rest.shift()) {
      try {
        const found = await findDriftOrBeginAgain(gate);
        if (found !== null) await gate.lane.update(driftUpdate, found);
      } catch (error) {
        if (cancellationSignal().aborted) throw error;
        // One registry that is down stops the check of no other gate.
        log.warn('drift.unchecked', { gate: gateOf(gate.config.lane), why: String(error) });
      }
    }
  };
  return {
    /** Nothing is left to report. */
    lookForDrift: (): Promise<Drift | null> =>
      withHeartbeat(async () => {
        const rest = [...gates];
        await Promise.all(Array.from({ length: AT_A_TIME }, () => checkNext(rest)));
        return null;
      }),
    reportDrift: async (_found: Drift): Promise<void> => undefined,
  };
}
