import { tool } from '../../testbed/tools.js';

const HAVE = {
  crane: () => tool('crane') !== undefined,
  'Java and Maven': () => tool('skipping-server') !== undefined,
  'a real registry': () => tool('registry') !== undefined,
};

/** For `test.skipIf`: whether this machine lacks what the test needs. In CI that is an error, except for Java, which is optional. */
export function lacks(what: keyof typeof HAVE): boolean {
  if (HAVE[what]()) return false;
  if (process.env.CANARY_NO_SKIPS && what !== 'Java and Maven')
    throw new Error(`this test needs ${what}, and CANARY_NO_SKIPS is set`);
  return true;
}
