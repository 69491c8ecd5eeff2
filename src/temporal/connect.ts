import { existsSync } from 'node:fs';
import {
  Client,
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  ServiceError,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { InvalidInput } from '../contract/brand.js';

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

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * The SDK's own retries, which end when the connection is closed. A call that nobody waits for any more, since another one failed
 * first or time was up, may sit between two tries then; the SDK would try it on the closed channel and throw where nobody catches.
 */
export function callsUntilClose(): { interceptors: Interceptor[]; close: () => void } {
  let closed = false;
  const ignoreAfterClose: Interceptor = (options, nextCall) =>
    (closed ? NOOP_CALL : nextCall(options)) as ReturnType<Interceptor>;
  return {
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), ignoreAfterClose],
    close: () => {
      closed = true;
    },
  };
}

const noop = () => undefined;
/** Takes what it is told and answers nothing. */
const NOOP_CALL = { start: noop, sendMessage: noop, halfClose: noop } as unknown;

/** The server's words, whichever of the two connections they come by. */
const NAMESPACE_NOT_FOUND = /\bNamespace \S+ is not found/;
/** In the words of the worker's own connection, which is Rust's. */
const CONNECT_ERROR = /ConnectError|dns error/;

/** Temporal could not be reached: says nothing about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Why a client's connection could not be opened, with the mend. */
export function unreachable(address: string | undefined, error: unknown): TemporalUnreachable {
  const at = address ?? '127.0.0.1:7233';
  const rejection = credentialRejection(error);
  const why =
    rejection === null
      ? `Temporal does not answer at ${at}: start it, or set TEMPORAL_ADDRESS`
      : `Temporal at ${at} refuses our credentials (${rejection}): set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*`;
  return new TemporalUnreachable(why, { cause: error });
}

/** The same for a worker's connection; what is no matter of reaching the server passes as it is. */
export function mapWorkerConnectError(address: string | undefined, error: unknown): unknown {
  return error instanceof Error && CONNECT_ERROR.test(error.message) ? unreachable(address, error) : error;
}

export const namespaceFix = (name: string) =>
  `temporal operator namespace create --namespace ${name}, or set TEMPORAL_NAMESPACE`;

/** Says of a namespace that is not there what to do; any other error passes as it is. */
export function mapNamespaceError(name: string, error: unknown): unknown {
  const missing =
    error instanceof NamespaceNotFoundError || (error instanceof Error && NAMESPACE_NOT_FOUND.test(error.message));
  return missing ? new Error(`there is no namespace ${name}: ${namespaceFix(name)}`, { cause: error }) : error;
}

/** PERMISSION_DENIED and UNAUTHENTICATED. */
const AUTH_ERROR_CODES = [7, 16];
const UNIMPLEMENTED = 12;

/** The server's words when it refused our credentials; null for any other error. */
export function credentialRejection(error: unknown): string | null {
  // The SDK wraps what a connection fails with.
  const grpc = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(grpc) && AUTH_ERROR_CODES.includes(grpc.code) ? grpc.details : null;
}

/** The same, or when it has no such call at all: Temporal Cloud changes some things in its own web page only. */
export function deniedOrUnsupported(error: unknown): string | null {
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc) && grpc.code === UNIMPLEMENTED) return grpc.details;
  return credentialRejection(error);
}

/** How long a server may take to answer the first call, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Runs `use` with a client and closes its connection afterwards.
 * @throws {TemporalUnreachable} when no server answers. */
export async function withClient<T>(env: NodeJS.ProcessEnv, use: (client: Client) => Promise<T>): Promise<T> {
  const { connectionOptions, namespace } = connectionConfig(env);
  const { interceptors, close } = callsUntilClose();
  const connection = await Connection.connect({
    ...connectionOptions,
    interceptors,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((error: unknown) => {
    throw unreachable(connectionOptions.address, error);
  });
  try {
    return await use(new Client({ connection, namespace }));
  } catch (error) {
    throw mapNamespaceError(namespace, error);
  } finally {
    close();
    await connection.close();
  }
}
