import { typedCommand } from './command.js';
import { Interrupted } from './interrupt.js';
import { main } from './main.js';

const interrupted = new AbortController();
// A handler also serves PID 1, for which a signal without one does nothing. The second signal of a kind ends any other process at once.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => interrupted.abort(new Interrupted(name)));
// Without a handler, an error of a stream ends the process: a full disk, or a log shipper that has ended.
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // Data that no process reads, as under `canary status --watch | head`. A worker prints none.
  if (code === 'EPIPE' && typedCommand(process.argv.slice(2)) !== 'worker')
    interrupted.abort(new Interrupted('SIGPIPE'));
});

// gRPC prints lines of its own about proxies; the commands say what failed, and how to fix it.
process.env.GRPC_VERBOSITY ??= 'NONE';

const err = (line: string) => process.stderr.write(`${line}\n`);
/** Asks on stderr: stdout is data. */
async function ask(question: string): Promise<string> {
  // What Node loads for it takes longer than a request, and few commands ask.
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return terminal.question(question, { signal: interrupted.signal }).finally(() => terminal.close());
}

// A bundle in CommonJS has no top-level await.
void main(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err,
  input: async () => (await import('node:stream/consumers')).text(process.stdin),
  ...(process.stdin.isTTY && process.stderr.isTTY && { ask }),
  isTerminal: process.stdout.isTTY,
  signal: interrupted.signal,
}).then((code) => {
  // Exits once stdout is flushed: an abandoned long poll would keep the process alive.
  process.stdout.write('', () => process.exit(code));
});
