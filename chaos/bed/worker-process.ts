import { inspect } from 'node:util';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadGateConfig } from '../../src/config/load.js';
import { createRegistry } from '../../src/registry/registry.js';
import { workflowBundle } from '../../workers/bundle.js';
import { createWorker } from '../../workers/create-worker.js';

// A worker of the gate as a process of its own: with short waits of a move, and with a clock that SIGUSR2 sets forth or back.

const JUMP_MS = Number(process.env.CHAOS_JUMP_MS ?? '0');
let shift = 0;
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => (args.length === 0 ? new target(target.now() + shift) : Reflect.construct(target, args)),
  get: (target, name) => (name === 'now' ? () => target.now() + shift : Reflect.get(target, name)),
});
process.on('SIGUSR2', () => {
  shift += JUMP_MS;
});

Runtime.install({
  logger: new DefaultLogger('INFO', ({ message, meta }) =>
    process.stdout.write(`${message} ${inspect(meta, { breakLength: Number.POSITIVE_INFINITY })}\n`),
  ),
});
const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '' });
const worker = await createWorker(
  { connection, namespace: 'default' },
  {
    ...(await loadGateConfig(process.env)),
    registry: createRegistry({ push: true }),
    workflowBundle: await workflowBundle(),
    waits: JSON.parse(process.env.CHAOS_WAITS ?? '{}'),
  },
);
process.stdout.write('worker.started\n');
await worker.run();
process.exit(0);
