import { tool } from '../../testbed/tools.js';

const HAVE = {
  crane: () => tool('crane') !== undefined,
  'a real registry': () => tool('registry') !== undefined,
};

/** For `test.skipIf`: whether this machine lacks what the test needs. In CI that is an error, not a skip. */
export function lacks(what: keyof typeof HAVE): boolean {
  if (HAVE[what]()) return false;
  if (process.env.CANARY_NO_SKIPS) throw new Error(`this test needs ${what}, and CANARY_NO_SKIPS is set`);
  return true;
}
