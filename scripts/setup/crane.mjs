import { ask } from './ask.mjs';
import { fromGo, fromPath } from './ways.mjs';

/** crane: an independent registry client, which confirms what the tests claim. */
export const crane = {
  name: 'crane',
  pin: '0.22.1',
  named: [],
  ways: [
    fromPath('crane'),
    fromGo('github.com/google/go-containerregistry/cmd/crane@v0.22.1', { takes: 'about 15 s' }),
  ],
  inspect: async (path) => {
    const [, version] = /^v?(\d+\.\d+\.\d+)/.exec(await ask(path, ['version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not go-containerregistry's crane`);
    return { version };
  },
  missing:
    'crane is not available: tests that compare with it are skipped, and the demo does not confirm :latest with it.',
};
