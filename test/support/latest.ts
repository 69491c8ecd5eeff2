import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import type { RegistryRequest } from '../../testbed/registry-store.js';
import type { Gate } from './gate.js';

/** Whether a request writes `:latest`, of one repository if it is given. */
export const isPut =
  (repository?: string) =>
  ({ method, path }: RegistryRequest) =>
    method === 'PUT' &&
    (repository === undefined ? path.endsWith('/manifests/latest') : path === `/v2/${repository}/manifests/latest`);

export const isRead = ({ method, path }: RegistryRequest) => method === 'GET' && path.endsWith('/manifests/latest');

/** Repositories of this gate whose `:latest` was written, in order, from the log of the registry. */
export const putsTaken = ({ requests }: MemoryRegistry, { repositories }: Gate): string[] =>
  requests
    .filter(({ status }) => status === 201)
    .flatMap((request) => repositories.filter((repository) => isPut(repository)(request)));
