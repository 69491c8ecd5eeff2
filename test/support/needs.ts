import { tool } from '../../testbed/tools.js';

const HAVE = {
  crane: () => tool('crane') !== undefined,
  'Java and Maven': () => tool('skipping-server') !== undefined,
  'a real registry': () => tool('registry') !== undefined,
  'docker-registry': () => tool('docker-registry') !== undefined,
  nginx: () => tool('nginx') !== undefined,
};
/** What not every system has. */
const OPTIONAL: (keyof typeof HAVE)[] = ['Java and Maven', 'docker-registry', 'nginx'];

/** For `test.skipIf`: whether this machine lacks what the test needs. In CI that is an error, unless it is optional. */
export function lacks(what: keyof typeof HAVE): boolean {
  if (HAVE[what]()) return false;
  if (process.env.CANARY_NO_SKIPS && !OPTIONAL.includes(what))
    throw new Error(`this test needs ${what}, and CANARY_NO_SKIPS is set`);
  return true;
}
