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

/** The address and credentials of Temporal, by the SDK's environment configuration. A named file that is missing is an error, never localhost.
 * @throws {InvalidInput} */
export function connectionConfig(env: NodeJS.ProcessEnv) {
  const file = env.TEMPORAL_CONFIG_FILE;
  // The SDK treats a missing file as no configuration, and connects to localhost.
  if (file && !existsSync(file)) throw new InvalidInput(`TEMPORAL_CONFIG_FILE: no such file ${file}`);
  try {
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const { connectionOptions, namespace } = loadClientConnectConfig({
      configFileStrict: true,
      overrideEnvVars: Object.fromEntries(set),
    });
    return { connectionOptions, namespace: namespace ?? 'default' };
  } catch (error) {
    throw new InvalidInput(`invalid Temporal configuration: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * The SDK's retries, which end once the connection is closed. An abandoned call may be between two attempts then: the SDK would
 * send it on the closed channel, an unhandled rejection.
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
/** A call that sends nothing and never ends. */
const NOOP_CALL = { start: noop, sendMessage: noop, halfClose: noop } as unknown;

/** Error text of the server, which both connections pass on; the native one gives no code. */
const NAMESPACE_NOT_FOUND = /\bNamespace \S+ is not found/;
/** Error text of the native (Rust) connection, which gives no code. */
const CONNECT_ERROR = /ConnectError|dns error/;

/** Temporal could not be reached; no verdict about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Why a client could not connect, with the fix. */
export function unreachable(address: string | undefined, error: unknown): TemporalUnreachable {
  const at = address ?? '127.0.0.1:7233';
  const rejection = credentialRejection(error);
  const why =
    rejection === null
      ? `Temporal does not answer at ${at}: start it, or set TEMPORAL_ADDRESS`
      : `Temporal at ${at} rejects the credentials: ${rejection}: set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*`;
  return new TemporalUnreachable(why, { cause: error });
}

/** Why a worker could not connect, with the fix; any other error is returned as it is. */
export function mapWorkerConnectError(address: string | undefined, error: unknown): unknown {
  return error instanceof Error && CONNECT_ERROR.test(error.message) ? unreachable(address, error) : error;
}

export const namespaceFix = (name: string) =>
  `temporal operator namespace create --namespace ${name}, or set TEMPORAL_NAMESPACE`;

/** Adds the fix to the error of a missing namespace; any other error is returned as it is. */
export function mapNamespaceError(name: string, error: unknown): unknown {
  const missing =
    error instanceof NamespaceNotFoundError || (error instanceof Error && NAMESPACE_NOT_FOUND.test(error.message));
  return missing ? new Error(`there is no namespace ${name}: ${namespaceFix(name)}`, { cause: error }) : error;
}

/** PERMISSION_DENIED and UNAUTHENTICATED. */
const AUTH_ERROR_CODES = [7, 16];
const UNIMPLEMENTED = 12;

/** The server's message if it rejected the credentials; null for any other error. */
export function credentialRejection(error: unknown): string | null {
  // The SDK wraps the gRPC error of a connection.
  const grpc = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(grpc) && AUTH_ERROR_CODES.includes(grpc.code) ? grpc.details : null;
}

/** The server's message if it rejected the credentials or has no such call: Temporal Cloud allows some changes in its web page only. */
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
