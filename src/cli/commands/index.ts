import type { Command } from '../command.js';
import { completion } from './completion.js';
import { abort, approve, retry } from './decide.js';
import { doctor } from './doctor.js';
import { history } from './history.js';
import { lane, pause, resume } from './lane.js';
import { postmortem } from './postmortem.js';
import { promote } from './promote.js';
import { queue } from './queue.js';
import { release } from './release.js';
import { report } from './report.js';
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
  pause,
  resume,
  lane,
  status,
  queue,
  history,
  report,
  postmortem,
  smoke,
  setup,
  doctor,
  worker,
  completion,
];
