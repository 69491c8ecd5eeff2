import { authorizeMoveUpdate, beginRollbackUpdate, reportMoveUpdate } from '../../src/contract/messages.js';
import { applyCommand } from '../../src/lane/commands.js';
import { authorizeMove, leaseLeft, reportMove } from '../../src/lane/moves.js';
import { parseMoveQuestion, parseMoveReport, parseRollbackRequest } from '../../src/lane/payloads/parse.js';
import { positionAt, positionOf } from '../../src/lane/position.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { type LaneClient, LaneRefused } from '../../src/temporal/lane-client.js';

/**
 * The rules of the lane without its workflow, for a server that cannot list runs, and whose clock the heartbeats of a follower
 * would stop. A run acquires the lane at once, because this lane does not watch its holder: one release at a time.
 */
export function laneInMemory(): LaneClient {
  const state = emptyLane();
  const say = (name: string, sent: unknown): unknown => {
    if (name === authorizeMoveUpdate.name) return authorizeMove(state, parseMoveQuestion(sent), Date.now());
    if (name === reportMoveUpdate.name) return reportMove(state, parseMoveReport(sent), Date.now());
    if (name === beginRollbackUpdate.name) {
      const said = parseRollbackRequest(sent);
      const no = beginRollback(state, said, Date.now());
      if (no) throw new LaneRefused(no.refused);
      return leaseLeft(state, said, Date.now());
    }
    return applyCommand(state, name, sent, Date.now());
  };
  return {
    state: async () => structuredClone(state),
    position: async (request) => structuredClone(positionAt(positionOf(state, request), Date.now())),
    openRun: async () => 'in-memory',
    beginAgain: async () => undefined,
    begin: async () => undefined,
    async joinQueue(asked) {
      if (state.holder?.runId !== asked.runId) state.holder = null;
      enqueue(state, asked);
      grant(state, Date.now());
    },
    update: async (update, sent) => say(update.name, sent) as never,
    signal: async (signal, sent) => void say(signal.name, sent),
  };
}
