import { sayToLane } from '../../src/lane/commands.js';
import { authorizeMove, leaseLeft, reportMove } from '../../src/lane/moves.js';
import { readAnnouncement, readQuestion, readReport } from '../../src/lane/parse.js';
import { ask, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { type LaneClient, LaneRefused } from '../../src/temporal/lane-client.js';

/**
 * The lane's own rules without its workflow, for a server that lists no runs, and whose clock a follower's beats would hold up.
 * A run that asks gets its turn at once, for it follows no holder: one release at a time.
 */
export function laneInMemory(): LaneClient {
  const state = emptyLane();
  const say = (name: string, sent: unknown): unknown => {
    if (name === 'authorize-move') return authorizeMove(state, readQuestion(sent), Date.now());
    if (name === 'report-move') return reportMove(state, readReport(sent), Date.now());
    if (name === 'begin-rollback') {
      const said = readAnnouncement(sent);
      const no = beginRollback(state, said, Date.now());
      if (no) throw new LaneRefused(no.refused);
      return leaseLeft(state, said, Date.now());
    }
    return sayToLane(state, name, sent, Date.now());
  };
  return {
    state: async () => structuredClone(state),
    openRun: async () => 'in-memory',
    async ask(asked) {
      if (state.holder?.runId !== asked.runId) state.holder = null;
      ask(state, asked);
      grant(state, Date.now());
    },
    update: async <R>(name: string, sent: unknown) => say(name, sent) as R,
    signal: async (name, sent) => void say(name, sent),
  };
}
