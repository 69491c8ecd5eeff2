// A worker process of the built gate, with two differences: the waits of a move are short, and with FREEZE=yes it stops itself
// (SIGSTOP) right after its mover got its first write lease, before anything is written. The test that started it sends SIGCONT.
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadGateConfig } from '../../dist/src/config/load.js';
import { createRegistry } from '../../dist/src/registry/registry.js';
import { workflowBundle } from '../../dist/workers/bundle.js';
import { createWorker } from '../../dist/workers/create-worker.js';

let freezes = process.env.FREEZE === 'yes';

const wrapAuthorizer =
  (authorizerFor) =>
  (...mover) => {
    const authorizer = authorizerFor(...mover);
    return {
      ...authorizer,
      async authorize(ask) {
        const said = await authorizer.authorize(ask);
        if (freezes && said !== 'retry') {
          freezes = false;
          process.kill(process.pid, 'SIGSTOP');
        }
        return said;
      },
    };
  };

Runtime.install({ logger: new DefaultLogger('INFO', ({ message }) => process.stdout.write(`${message}\n`)) });
const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS });
const worker = await createWorker(
  { connection, namespace: 'default' },
  {
    ...(await loadGateConfig(process.env)),
    registry: createRegistry({ push: true }),
    workflowBundle: await workflowBundle(),
    waits: JSON.parse(process.env.MOVE_WAITS ?? '{}'),
    wrapAuthorizer,
  },
);
process.stdout.write('worker.started\n');
await worker.run();
process.exit(0);
