import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const SERVER_VARIABLES = ['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE'];

/** Where nothing names a Temporal server and `npm run demo` runs in this folder, its server and configuration, saying so. */
export function demoEnvironment(
  env: NodeJS.ProcessEnv,
  folder: string,
  log: (line: string) => void,
): NodeJS.ProcessEnv {
  const toml = join(folder, '.demo', 'temporal.toml');
  if (SERVER_VARIABLES.some((name) => env[name]) || !existsSync(toml)) return env;
  log('canary: using the demo that runs here (.demo/)');
  const worker = join(folder, '.demo', 'worker.env');
  const settings = existsSync(worker) ? parseEnv(readFileSync(worker, 'utf8')) : {};
  return { ...settings, ...env, TEMPORAL_CONFIG_FILE: toml };
}
