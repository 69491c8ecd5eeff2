import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const SERVER_VARIABLES = ['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE'];

/** The server and the settings of `npm run demo`, if it runs in this folder and no variable names a Temporal server; logs that. */
export function demoEnvironment(
  env: NodeJS.ProcessEnv,
  folder: string,
  log: (line: string) => void,
): NodeJS.ProcessEnv {
  const toml = join(folder, '.demo', 'temporal.toml');
  if (SERVER_VARIABLES.some((name) => env[name]) || !existsSync(toml)) return env;
  log('canary: using the demo that runs in this folder (.demo/)');
  const worker = join(folder, '.demo', 'worker.env');
  const settings = existsSync(worker) ? parseEnv(readFileSync(worker, 'utf8')) : {};
  return { ...settings, ...env, TEMPORAL_CONFIG_FILE: toml };
}
