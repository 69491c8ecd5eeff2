import { registryOf } from '../../workers/create-worker.js';
import { type Config, loadConfig } from '../config/config.js';
import type { Registry } from '../registry/context.js';
import type { Io } from './command.js';

/** What is configured for a fleet is of no matter to what only asks the registry, and must not keep it from working. */
const NO_FLEET = {
  CANARY_TENANT_URLS: '',
  CANARY_ADMIN_TOKENS: '',
  CANARY_ADMIN_TOKENS_FILE: '',
  CANARY_FLEET_FILE: '',
  CANARY_SMOKE_SUITE: '',
};

/** Works on the images with the registry credentials of this machine.
 * @throws {ConfigError} */
export async function withRegistry<T>(io: Io, use: (registry: Registry, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig({ ...io.env, ...NO_FLEET });
  const registry = registryOf(config, io.env);
  try {
    return await use(registry, config);
  } finally {
    await registry.close();
  }
}
