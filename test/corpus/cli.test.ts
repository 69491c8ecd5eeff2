import { main } from '../../src/cli/main.js';
import { corpus } from '../support/corpus.js';

interface Input {
  args: string[];
  env?: Record<string, string>;
}

/** A line without the day of an example, which is tomorrow. */
const withoutDay = (line: string) => line.replace(/\d{4}-\d\d-\d\d(?=T08:00:00Z)/, 'TOMORROW');

/** What a command printed that did not succeed. */
class Refused extends Error {
  constructor(readonly problems: string[]) {
    super('refused');
  }
}

corpus<Input>(
  'cli',
  async ({ args, env = {} }) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await main(args, {
      // Nothing answers there: what is refused is refused before a connection.
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1', ...env },
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      input: async () => '',
      signal: new AbortController().signal,
    });
    if (code !== 0) throw new Refused([`exit ${code}`, ...out, ...err.map(withoutDay)]);
    return out.length;
  },
  [Refused],
);
