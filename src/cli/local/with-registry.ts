import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { Registry } from '../../registry/context.js';
import { withoutFleet } from '../../tenants/sources/variables.js';
import type { Io } from '../command.js';

/** Configuration of this machine, without fleet and suite.
 * @throws {ConfigError} */
export const registryConfig = (io: Io): Promise<Config> =>
  loadConfig({ ...withoutFleet(io.env), CANARY_SMOKE_SUITE: '' }, undefined, 'registry');

/** Runs `use` with the registry, by the credentials of this machine, and closes it afterwards. Fleet and suite are not read.
 * @throws {ConfigError} */
export async function withRegistry<T>(io: Io, use: (registry: Registry, config: Config) => Promise<T>): Promise<T> {
  const { configuredRegistry } = await import('../../registry/configured-registry.js');
  const config = await registryConfig(io);
  const registry = configuredRegistry(config, io.env);
  try {
    return await use(registry, config);
  } finally {
    await registry.close();
  }
}
