import { appendFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadGateConfig } from '../../src/config/load.js';
import { createRegistry } from '../../src/registry/registry.js';
import { workflowBundle } from '../../workers/bundle.js';
import { createWorker, type GateWorker } from '../../workers/create-worker.js';

// A worker of the gate as a process of its own: with short waits of a move, and with a clock that SIGUSR2 sets forth or back. It serves one gate
// after the other, each from a message until the next one.

let jumpMs = 0;
let shift = 0;
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => (args.length === 0 ? new target(target.now() + shift) : Reflect.construct(target, args)),
  get: (target, name) => (name === 'now' ? () => target.now() + shift : Reflect.get(target, name)),
});
process.on('SIGUSR2', () => {
  shift += jumpMs;
});
process.on('disconnect', () => process.exit(1));

/** Everything that is printed goes into the log of the run. */
let logFile: string | null = null;
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (text: string | Uint8Array) => boolean;
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    if (logFile === null) write(text);
    else appendFileSync(logFile, text);
    for (const one of rest) if (typeof one === 'function') one();
    return true;
  };
}

Runtime.install({
  // By default the SDK ends its workers on SIGUSR2 too.
  shutdownSignals: [],
  logger: new DefaultLogger('INFO', ({ message, meta }) =>
    process.stdout.write(`${message} ${inspect(meta, { breakLength: Number.POSITIVE_INFINITY })}\n`),
  ),
});
const bundle = await workflowBundle();
let connection: NativeConnection | undefined;
let serving: { worker: GateWorker; ended: Promise<void> } | null = null;

async function serve(order: { env: NodeJS.ProcessEnv; logFile: string }): Promise<void> {
  const { env } = order;
  logFile = order.logFile;
  jumpMs = Number(env.CHAOS_JUMP_MS ?? '0');
  connection ??= await NativeConnection.connect({ address: env.TEMPORAL_ADDRESS ?? '' });
  const worker = await createWorker(
    { connection, namespace: 'default' },
    {
      ...(await loadGateConfig(env)),
      registry: createRegistry({ push: true }),
      workflowBundle: bundle,
      waits: JSON.parse(env.CHAOS_WAITS ?? '{}'),
    },
  );
  serving = { worker, ended: worker.run() };
  // A worker that fails in a run ends its process.
  serving.ended.catch((error) => {
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  });
  process.send?.('serves');
}

async function leave(): Promise<void> {
  serving?.worker.shutdown();
  await serving?.ended;
  [serving, logFile, shift] = [null, null, 0];
  process.send?.('left');
}

process.on('message', (message: { leave: true } | { env: NodeJS.ProcessEnv; logFile: string }) => {
  ('leave' in message ? leave() : serve(message)).catch((error) => {
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  });
});
process.stdout.write('host.started\n');
