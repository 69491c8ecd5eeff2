import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { demoEnvironment } from './demo-environment.js';
import { main } from './main.js';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const err = (line: string) => process.stderr.write(`${line}\n`);
/** On stderr, for stdout is data. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return terminal.question(question, { signal: interrupted.signal }).finally(() => terminal.close());
}

const code = await main(process.argv.slice(2), {
  env: demoEnvironment(process.env, process.cwd(), err),
  out: (line) => process.stdout.write(`${line}\n`),
  err,
  input: () => text(process.stdin),
  ...(process.stdin.isTTY && process.stderr.isTTY && { ask }),
  signal: interrupted.signal,
});
// What is still open, such as a long poll that we gave up, must not keep the shell waiting; what was printed must get out.
process.stdout.write('', () => process.exit(code));
