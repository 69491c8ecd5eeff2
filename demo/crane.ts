import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tool } from '../testbed/tools.js';
import { StoryError } from './failure.js';

const CRANE_MS = 10_000; // it asks a registry on this machine

/** Has `crane digest` look at `:latest` of each image, where there is a crane; gives a sentence for people. */
export async function confirmByCrane(latest: Record<string, string>): Promise<string> {
  const crane = tool('crane');
  if (!crane) return '(no crane here to confirm them)';
  for (const [image, digest] of Object.entries(latest)) {
    const { stdout } = await promisify(execFile)(crane.path, ['digest', `${image}:latest`], { timeout: CRANE_MS });
    if (stdout.trim() !== digest) throw new StoryError(`crane says ${image}:latest is ${stdout.trim()}, not ${digest}`);
  }
  return '(crane digest says the same)';
}
