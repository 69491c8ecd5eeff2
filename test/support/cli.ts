import { main } from '../../src/cli/main.js';
import { temporalAddress } from './servers.js';

/** Text typed at the terminal, or a function of the output and the prompt so far. */
type Answer = string | ((shown: string[], question: string) => Promise<string>);

/** Runs the command line in this process, against the run's Temporal server unless the environment says otherwise. */
export async function canary(args: string[], env: Record<string, string> = {}, answer?: Answer, isTerminal = false) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(args, {
    env: { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: 'cli', ...env },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: async () => '',
    ...(answer !== undefined && {
      ask: async (question: string) => (typeof answer === 'string' ? answer : answer(err, question)),
    }),
    isTerminal,
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
