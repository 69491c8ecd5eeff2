import { hostname, userInfo } from 'node:os';
import { type Given, type Io, text } from './command.js';

/** Who asks, as the caller claims it: `--by`, else `$GITHUB_ACTOR`, else user@host. */
export function requester(given: Given, io: Io): string {
  return text(given, 'by') ?? (io.env.GITHUB_ACTOR || `${userInfo().username}@${hostname()}`);
}
