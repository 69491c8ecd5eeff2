import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { InvalidInput } from '../domain/brand.js';

/** How to reach Temporal, by the SDK's environment configuration, strictly: a named file that is missing is an error, never localhost.
 * @throws {InvalidInput} */
export function connectionConfig(env: NodeJS.ProcessEnv) {
  const file = env.TEMPORAL_CONFIG_FILE;
  // The SDK takes a missing file for "no configuration" and goes to localhost (temporal.md section 7).
  if (file && !existsSync(file)) throw new InvalidInput(`TEMPORAL_CONFIG_FILE: there is no file ${file}`);
  try {
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const { connectionOptions, namespace } = loadClientConnectConfig({
      configFileStrict: true,
      overrideEnvVars: Object.fromEntries(set),
    });
    return { connectionOptions, namespace: namespace ?? 'default' };
  } catch (error) {
    throw new InvalidInput(`Temporal's configuration: ${error instanceof Error ? error.message : String(error)}`);
  }
}
