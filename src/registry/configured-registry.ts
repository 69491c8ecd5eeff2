import { LATEST, type Tag } from '../contract/image.js';
import type { Network } from '../net/network.js';
import { certsOf } from '../net/trust.js';
import { dockerCredentials, firstOf, githubCredentials, mayHaveLogin } from './auth/credentials.js';
import type { Registry } from './context.js';
import { createRegistry } from './registry.js';

/** What the client of a gate is made of. */
interface Configured {
  secrets: { github: { username: string; password: string } | null };
  network: Network;
  insecureRegistries?: string[];
  promoteTag?: Tag;
  helperEnv?: string[];
}

/** Creates the registry client of a gate, for reading and writing: `GITHUB_TOKEN` applies to ghcr.io if it is set, the login of Docker to everything else. */
export function configuredRegistry(
  config: Configured,
  env: NodeJS.ProcessEnv,
  onAnswer: Registry['onAnswer'] = () => undefined,
): Registry {
  const { network, insecureRegistries: insecureHosts = [], promoteTag: latest = LATEST, helperEnv = [] } = config;
  const { github } = config.secrets;
  const docker = dockerCredentials(env, { helperEnv });
  const credentials = github ? firstOf(githubCredentials(github), docker) : docker;
  const isKnown = async (host: string) => (github !== null && host === 'ghcr.io') || mayHaveLogin(env, host);
  const certsFor = (host: string) => certsOf(env, host);
  return createRegistry({
    credentials,
    mayHaveLogin: isKnown,
    push: true,
    latest,
    network,
    insecureHosts,
    certsFor,
    onAnswer,
  });
}
