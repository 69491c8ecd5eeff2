import { type ChildProcess, spawn } from 'node:child_process';
import { killGroup, variablesFor } from '../../processes/child.js';
import type { FleetSource } from '../fleet.js';
import type { FileSources } from './file.js';
import { FleetSilent, MAX_FLEET, remoteFleet } from './remote.js';

const SETTING = 'CANARY_FLEET_COMMAND';

export interface CommandFleetOptions {
  command: string;
  /** Further variables that the command gets, secrets among them. */
  passed: string[];
  secrets: string[];
}

/** The fleet that a command prints, as JSON. */
export function commandFleet(
  { command, passed, secrets }: CommandFleetOptions,
  sources: FileSources,
  timeoutMs?: number,
): FleetSource {
  const env = variablesFor(sources.env, passed);
  const missing = passed.filter((name) => !Object.hasOwn(env, name));
  const problems = missing.map((name) => `CANARY_FLEET_COMMAND_ENV: ${name} is not set`);
  const load = (signal: AbortSignal) => output(command, env, signal);
  const options = { setting: SETTING, fixed: { command }, problems, secrets, isLocal: true, load };
  return remoteFleet(options, sources, timeoutMs);
}

/** What a command prints. It and what it started are killed when the signal aborts.
 * @throws {FleetSilent} */
function output(command: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // Its own process group, so that what it starts ends with it. What it writes to stderr may hold a secret.
    // The streams are missing if the machine is out of open files.
    const child: Partial<Pick<ChildProcess, 'stdout' | 'pid'>> & Pick<ChildProcess, 'on'> = spawn(
      '/bin/sh',
      ['-c', command],
      { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true },
    );
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (why: string) => {
      killGroup(child);
      // What has left the group lives on: it must not go on filling the memory of the worker.
      child.stdout?.destroy();
      reject(new FleetSilent(why));
    };
    const onAbort = () => fail('did not end in time');
    signal.addEventListener('abort', onAbort, { once: true });
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_FLEET) chunks.push(chunk);
      else fail(`printed more than ${MAX_FLEET} bytes`);
    });
    child.on('error', () => fail('cannot be started'));
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', onAbort);
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new FleetSilent(code === null ? `was ended by ${killedBy}` : `exit ${code}`));
    });
  });
}
