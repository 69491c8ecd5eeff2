import { ask } from './ask.mjs';
import { fromGo, fromPath } from './ways.mjs';

/** crane: somebody else's registry client, the independent witness of what the tests claim. */
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
    'There is no crane: tests that ask it as a witness are skipped, the demo does not have it confirm where :latest is.',
};
