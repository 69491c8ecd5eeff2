import { ask } from './ask.mjs';
import { fromPath, fromWheel } from './ways.mjs';

/** zizmor: finds in workflows of GitHub Actions what gives a stranger a key. For the tests of the examples. */
export const zizmor = {
  name: 'zizmor',
  pin: '1.32.0',
  named: [],
  ways: [
    fromPath('zizmor'),
    fromWheel('zizmor', '1.32.0', [
      '84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071', // Linux x86_64, glibc
      'dd818f99d833b86cd432d5412d620d936b5df074b33404fff8b67acff55d3259', // Linux x86_64, musl
      'd34dcfa702875202b4163d90ebb9cc5222f3d1a7d4b72bf796d87b5a15b24194', // Linux aarch64, musl
      '0a999c98015becd9f69919ce01febadfb1c2be9b8ec2ce9ef7eb13ff23ba8eba', // macOS arm64
      'aa4b4e216321dd5cf202cd79fc83296468f0eed79d850cd65ac8187a6bbc5496', // macOS x86_64
    ]),
  ],
  inspect: async (path) => {
    const [, version] = /^zizmor (\d+\.\d+\.\d+)/.exec(await ask(path, ['--version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not zizmor`);
    return { version };
  },
  missing: 'zizmor is not available: its check of the workflows in examples/ is skipped.',
};
