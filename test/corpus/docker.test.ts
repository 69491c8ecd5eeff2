import { findEntry, findHelper, parseDockerConfig } from '../../src/registry/auth/docker-config.js';
import { corpus } from '../support/corpus.js';

interface Input {
  /** Text of a Docker configuration, or what is in it. */
  config: unknown;
  host?: string;
}

corpus<Input>('docker', ({ config, host = 'ghcr.io' }) => {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  const parsed = parseDockerConfig(text, '/root/.docker/config.json');
  const found = findHelper(parsed, host) ?? findEntry(parsed, host, 'acme/platform');
  return found;
});
