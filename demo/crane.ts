import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tool } from '../testbed/tools.js';
import { StoryError } from './failure.js';

const CRANE_MS = 10_000; // it asks a registry on this machine

/** Compares `:latest` of each image with `crane digest`, if crane is installed; returns a note for the summary. */
export async function confirmByCrane(latest: Record<string, string>): Promise<string> {
  const crane = tool('crane');
  if (!crane) return '(not confirmed: crane is not installed)';
  for (const [image, digest] of Object.entries(latest)) {
    const { stdout } = await promisify(execFile)(crane.path, ['digest', `${image}:latest`], { timeout: CRANE_MS });
    if (stdout.trim() !== digest)
      throw new StoryError(`crane digest ${image}:latest: got ${stdout.trim()}, expected ${digest}`);
  }
  return '(confirmed by crane digest)';
}
