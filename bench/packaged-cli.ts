import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

/** The command line as a package has it: `scripts/bench.mjs` makes it. */
export const PACKAGED_CLI = join(repositoryRoot, 'dist', 'package', 'bin', 'canary.js');
