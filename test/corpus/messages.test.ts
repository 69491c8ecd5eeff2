import { InvalidInput } from '../../src/contract/brand.js';
import { checkDecision, type Decidable } from '../../src/domain/decide.js';
import { parsePlan, parseWatchPlan, parseWatchState } from '../../src/domain/payloads/plan.js';
import { parseFleetSeen, parseProductionSeen } from '../../src/domain/payloads/seen.js';
import { applyCommand } from '../../src/lane/commands.js';
import {
  parseHolderReport,
  parseLaneRequest,
  parseMoveQuestion,
  parseMoveReport,
  parseRevocation,
  parseRollbackRequest,
} from '../../src/lane/payloads/parse.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { emptyLane } from '../../src/lane/state.js';
import { corpus } from '../support/corpus.js';
import { HELD, refusalIn } from '../support/hostile-input.js';

const NOW = Date.UTC(2026, 10, 29);
/** A rollback waits for `force` outside of a hold. */
const ROLLBACK: Decidable = { ...HELD, phase: 'promoting', hold: null };

const decide = (verb: 'approve' | 'abort' | 'retry') => (sent: unknown) =>
  accepted(checkDecision(verb, sent, HELD, NOW));
const command = (name: string) => (sent: unknown) => accepted(applyCommand(emptyLane(), name, sent, NOW));

function accepted<T extends object>(result: T): T {
  const why = refusalIn(result);
  if (why) throw new InvalidInput(why);
  return result;
}

/** Signals, updates, answers and results of activities, by name; null is a message that is dropped. */
const MESSAGES = {
  approve: decide('approve'),
  abort: decide('abort'),
  retry: decide('retry'),
  pause: command('pause'),
  adopt: command('adopt'),
  sequence: command('sequence'),
  drop: command('drop'),
  unhold: command('unhold'),
  unbad: command('unbad'),
  resume: command('resume'),
  renew: command('renew'),
  quarantine: command('quarantine'),
  unquarantine: command('unquarantine'),
  force: (sent: unknown) => accepted(checkDecision('force', sent, ROLLBACK, NOW)),
  'join-queue': parseLaneRequest,
  'holder-status': parseHolderReport,
  'lane-revoked': parseRevocation,
  'authorize-move': parseMoveQuestion,
  'report-move': parseMoveReport,
  'begin-rollback': parseRollbackRequest,
  'lane-state': parseLaneState,
  'fleet-seen': (sent: unknown) => parseFleetSeen(sent, ['canary-1']),
  'production-seen': (sent: unknown) => parseProductionSeen(sent, ['production-1']),
  plan: parsePlan,
  'watch-plan': parseWatchPlan,
  'watch-state': parseWatchState,
};

interface Input {
  message: keyof typeof MESSAGES;
  sent: unknown;
}

corpus<Input>('messages', ({ message, sent }) => MESSAGES[message](sent));
