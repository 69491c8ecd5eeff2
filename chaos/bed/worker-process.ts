import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadGateConfig } from '../../src/config/load.js';
import { createRegistry } from '../../src/registry/registry.js';
import { workflowBundle } from '../../workers/bundle.js';
import { createWorker, type GateWorker } from '../../workers/create-worker.js';
import { watchClock } from '../../workers/follow/clock.js';

// A worker of the gate as a process of its own: with short waits of a move, and with a clock that a message sets forth or back. It serves one gate
// after the other, each from a message until the next one.

/** Time limit for a connection to Temporal, and the pause between two attempts, in milliseconds. */
const CONNECT_MS = 40_000;
const AGAIN_MS = 250;

let shift = 0;
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => (args.length === 0 ? new target(target.now() + shift) : Reflect.construct(target, args)),
  get: (target, name) => (name === 'now' ? () => target.now() + shift : Reflect.get(target, name)),
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
  shutdownSignals: [],
  logger: new DefaultLogger('INFO', ({ message, meta }) =>
    process.stdout.write(`${message} ${inspect(meta, { breakLength: Number.POSITIVE_INFINITY })}\n`),
  ),
});
const bundle = await workflowBundle();
let connection: NativeConnection | undefined;
let serving: { worker: GateWorker; ended: Promise<void>; unwatch: () => void } | null = null;

async function serve(order: { env: NodeJS.ProcessEnv; logFile: string }): Promise<void> {
  const { env } = order;
  logFile = order.logFile;
  connection ??= await connect(env.TEMPORAL_ADDRESS ?? '');
  const worker = await createWorker(
    { connection, namespace: 'default' },
    {
      ...(await loadGateConfig(env)),
      registry: createRegistry({ push: true }),
      workflowBundle: bundle,
      waits: JSON.parse(env.CHAOS_WAITS ?? '{}'),
    },
  );
  const unwatch = await watchClock(new Client({ connection }), `${process.pid}@chaos`);
  serving = { worker, ended: worker.run(), unwatch };
  // A worker that fails in a run ends its process.
  serving.ended.catch((error) => {
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  });
  process.send?.('serves');
}

/** Connects to Temporal, which may be away or frozen for a while: a supervisor would start a worker again. */
async function connect(address: string): Promise<NativeConnection> {
  for (const deadline = performance.now() + CONNECT_MS; ; await delay(AGAIN_MS))
    try {
      return await NativeConnection.connect({ address });
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
}

async function leave(): Promise<void> {
  serving?.unwatch();
  serving?.worker.shutdown();
  await serving?.ended;
  [serving, logFile, shift] = [null, null, 0];
  process.send?.('left');
}

type Message = { leave: true } | { jumpMs: number } | { env: NodeJS.ProcessEnv; logFile: string };

async function obey(message: Message): Promise<void> {
  if ('jumpMs' in message) shift += message.jumpMs;
  else await ('leave' in message ? leave() : serve(message));
}

process.on('message', (message: Message) => {
  obey(message).catch((error) => {
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  });
});
process.stdout.write('host.started\n');
