import { NamespaceNotFoundError } from '@temporalio/common';
import { refusedCredentials } from './refused.js';

/** The server's words, whichever of the two connections they come by. */
const NO_NAMESPACE = /\bNamespace \S+ is not found/;
/** In the words of the worker's own connection, which is Rust's. */
const NOBODY_LISTENS = /ConnectError|dns error/;

/** Temporal could not be reached: says nothing about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Why a client's connection could not be opened, with the mend. */
export function unreachable(address: string | undefined, error: unknown): TemporalUnreachable {
  const at = address ?? '127.0.0.1:7233';
  const refused = refusedCredentials(error);
  const why =
    refused === null
      ? `Temporal does not answer at ${at}: start it, or set TEMPORAL_ADDRESS`
      : `Temporal at ${at} refuses our credentials (${refused}): set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*`;
  return new TemporalUnreachable(why, { cause: error });
}

/** The same for a worker's connection; what is no matter of reaching the server passes as it is. */
export function workerUnreachable(address: string | undefined, error: unknown): unknown {
  return error instanceof Error && NOBODY_LISTENS.test(error.message) ? unreachable(address, error) : error;
}

export const namespaceMend = (name: string) =>
  `temporal operator namespace create --namespace ${name}, or set TEMPORAL_NAMESPACE`;

/** Says of a namespace that is not there what to do; any other error passes as it is. */
export function namespaceMissing(name: string, error: unknown): unknown {
  const missing =
    error instanceof NamespaceNotFoundError || (error instanceof Error && NO_NAMESPACE.test(error.message));
  return missing ? new Error(`there is no namespace ${name}: ${namespaceMend(name)}`, { cause: error }) : error;
}
