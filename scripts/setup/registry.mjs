import { ask } from './ask.mjs';
import { run } from './run.mjs';
import { fromGo, fromPath } from './ways.mjs';

const IMAGE = 'registry:3.1.2';

const fromDocker = {
  name: `the image ${IMAGE}`,
  takes: 'about 10 s',
  find: async ({ env, log }) => {
    await ask('docker', ['info', '--format', '{{.ServerVersion}}'], { env, limitMs: 3000 });
    if (!(await hasImage(env))) await run('docker', ['pull', IMAGE], { env, log, limitMs: 300_000 });
    return { image: IMAGE, version: '3.1.2' };
  },
};

/** CNCF distribution registry, the reference implementation. */
export const registry = {
  name: 'registry',
  pin: '3.1.2',
  named: [],
  ways: [
    fromPath('registry'),
    fromPath('docker-registry'),
    fromGo('github.com/distribution/distribution/v3/cmd/registry@v3.1.2', { takes: 'about 2 minutes' }),
    fromDocker,
  ],
  inspect: async (path) => {
    const answer = await ask(path, ['--version']);
    // Other programs have the name `registry` too.
    const [, version] = /(?:distribution|docker)\/distribution\S* v?([\d.]+)/.exec(answer) ?? [];
    if (version === undefined) throw new Error(`${path} is not the distribution registry`);
    return { version };
  },
  missing: 'No registry is available: tests that need a real one are skipped, and the demo uses its own in-memory one.',
};

/** Whether a container engine answers and has the image, so that it starts without a download. */
export async function hasImage(env) {
  return ask('docker', ['image', 'inspect', IMAGE], { env, limitMs: 3000 }).then(
    () => true,
    () => false,
  );
}
