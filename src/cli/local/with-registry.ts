import { type Config, loadConfig } from '../../config/config.js';
import type { Registry } from '../../registry/context.js';
import type { Io } from '../command.js';

/** The fleet and the suite are not read: a wrong setting of theirs must not stop a command that needs the registry alone. */
const NO_FLEET = {
  CANARY_TENANT_URLS: '',
  CANARY_ADMIN_TOKENS: '',
  CANARY_ADMIN_TOKENS_FILE: '',
  CANARY_FLEET_FILE: '',
  CANARY_SMOKE_SUITE: '',
};

/** Runs `use` with the registry, by the credentials of this machine, and closes it afterwards.
 * @throws {ConfigError} */
export async function withRegistry<T>(io: Io, use: (registry: Registry, config: Config) => Promise<T>): Promise<T> {
  const { registryOf } = await import('../../../workers/create-worker.js');
  const config = loadConfig({ ...io.env, ...NO_FLEET });
  const registry = registryOf(config, io.env);
  try {
    return await use(registry, config);
  } finally {
    await registry.close();
  }
}
