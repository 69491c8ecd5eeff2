import type { MoveInput } from '../../src/contract/move.js';
import type { GateOptions } from './gate.js';

/** Authorizers of a gate whose movers wait for `before` each time before they ask the lane; what it throws refuses the move. */
export const beforeAuthorize =
  (before: (input: MoveInput) => unknown): GateOptions['wrapAuthorizer'] =>
  (authorizerFor) =>
  (mover, parent, input) => {
    const own = authorizerFor(mover, parent, input);
    const authorize: typeof own.authorize = async (question) => {
      await before(input);
      return own.authorize(question);
    };
    return { ...own, authorize };
  };
