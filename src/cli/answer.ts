import { type Given, type Io, wantsJson } from './command.js';
import { EXIT } from './exit-codes.js';

/** Tells what a run, or the lane, answered to what was said, and gives back the exit code. */
export function tellAnswer(answered: { taken: boolean; answer: string }, said: object, given: Given, io: Io): number {
  const { taken, answer } = answered;
  if (wantsJson(given)) io.out(JSON.stringify({ taken, answer, ...said }));
  else if (taken) io.out(answer);
  if (!taken) io.err(`canary: ${answer}`);
  return taken ? EXIT.done : EXIT.refused;
}
