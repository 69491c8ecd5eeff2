import { dockerCredentials, firstOf, githubCredentials } from './auth/credentials.js';
import type { Registry } from './context.js';
import { createRegistry } from './registry.js';

/** Creates the registry client of a gate, for reading and writing: `GITHUB_TOKEN` applies to ghcr.io if it is set, the login of Docker to everything else. */
export function configuredRegistry(
  github: { username: string; password: string } | null,
  env: NodeJS.ProcessEnv,
): Registry {
  const docker = dockerCredentials(env);
  const credentials = github ? firstOf(githubCredentials(github), docker) : docker;
  return createRegistry({ credentials, push: true });
}
