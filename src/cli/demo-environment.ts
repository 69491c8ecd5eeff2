import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { InvalidInput } from '../contract/brand.js';

/** What names another gate, or has its keys: a demo gets none of it. */
const OF_ANOTHER_GATE = /^(?:TEMPORAL_|CANARY_|GITHUB_TOKEN)/;

/**
 * The environment of `canary --demo`: the server and the settings of the `npm run demo` that runs in this clone, and of the caller's
 * variables only those that name no gate. Nothing of the current folder is read.
 * @param root the folder of the program itself. @throws {InvalidInput} if no demo runs.
 */
export function demoEnvironment(env: NodeJS.ProcessEnv, root: string): NodeJS.ProcessEnv {
  const toml = join(root, '.demo', 'temporal.toml');
  const worker = join(root, '.demo', 'worker.env');
  if (!existsSync(toml) || !existsSync(worker))
    throw new InvalidInput(`--demo: no demo runs in ${root}: npm run demo, there`);
  const kept = Object.entries(env).filter(([name]) => !OF_ANOTHER_GATE.test(name));
  return { ...Object.fromEntries(kept), ...parseEnv(readFileSync(worker, 'utf8')), TEMPORAL_CONFIG_FILE: toml };
}
