import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';

/** Prints what a run, or the lane, answered to a decision or a command; returns the exit code. */
export function printAnswer(result: { taken: boolean; answer: string }, request: object, given: Given, io: Io): number {
  const { taken, answer } = result;
  if (wantsJson(given)) io.out(JSON.stringify({ taken, answer, ...request }));
  else if (taken) io.out(answer);
  if (!taken) io.err(`canary: ${answer}`);
  return taken ? EXIT.done : EXIT.refused;
}
