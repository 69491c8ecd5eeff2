import type { Command } from '../command.js';
import { completion } from './completion.js';
import { abort, approve, retry } from './decide.js';
import { doctor } from './doctor.js';
import { promote } from './promote.js';
import { release } from './release.js';
import { rollback } from './rollback.js';
import { setup } from './setup.js';
import { smoke } from './smoke.js';
import { status } from './status.js';
import { worker } from './worker.js';

/** Every verb, in the order of help. */
export const COMMANDS: Command[] = [
  release,
  promote,
  approve,
  abort,
  retry,
  rollback,
  status,
  smoke,
  setup,
  doctor,
  worker,
  completion,
];
