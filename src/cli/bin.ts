import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { main } from './main.js';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const err = (line: string) => process.stderr.write(`${line}\n`);
/** Asks on stderr: stdout is data. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return terminal.question(question, { signal: interrupted.signal }).finally(() => terminal.close());
}

const code = await main(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err,
  input: () => text(process.stdin),
  ...(process.stdin.isTTY && process.stderr.isTTY && { ask }),
  isTerminal: process.stdout.isTTY,
  signal: interrupted.signal,
});
// Exits once stdout is flushed: an abandoned long poll would keep the process alive.
process.stdout.write('', () => process.exit(code));
