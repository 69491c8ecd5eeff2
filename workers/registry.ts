import type { Config } from '../src/config.js';
import { dockerCredentials, firstOf, githubCredentials } from '../src/registry/credentials.js';
import { createRegistry, type Registry } from '../src/registry/registry.js';

/** The registries of a gate: `GITHUB_TOKEN` for ghcr.io where it is set, else what Docker is logged in with. */
export function registryOf({ secrets }: Pick<Config, 'secrets'>, env: NodeJS.ProcessEnv): Registry {
  const docker = dockerCredentials(env);
  const credentials = secrets.github ? firstOf(githubCredentials(secrets.github), docker) : docker;
  return createRegistry({ credentials, push: true });
}
