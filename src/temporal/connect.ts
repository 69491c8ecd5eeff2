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
import { type ConnectionFacts, connectionConfig } from './connection.js';
import { payloadCodec } from './payloads/codec.js';
import { payloadKeys } from './payloads/keys.js';

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
/** Error texts of the native (Rust) connection, which gives no code. */
const CONNECT_ERROR = /ConnectError|dns error|tonic::transport::Error/;
const NATIVE_REJECTION =
  /code: 'The (?:request does not have valid authentication|caller does not have permission).*message: "(.*?)"/;

/** Temporal could not be reached; no verdict about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Why a client could not connect, with the fix. */
export function unreachable({ address: at, tls }: ConnectionFacts, error: unknown): TemporalUnreachable {
  const rejection = credentialRejection(error) ?? NATIVE_REJECTION.exec((error as Error).message)?.[1];
  // Neither client says why a handshake failed.
  const silent = tls
    ? `Temporal does not answer at ${at} over TLS: start it, set TEMPORAL_ADDRESS, or correct TEMPORAL_TLS_*: the CA, the server's name, the client certificate`
    : `Temporal does not answer at ${at}: start it, or set TEMPORAL_ADDRESS`;
  const why =
    rejection === undefined
      ? silent
      : `Temporal at ${at} rejects the credentials: ${rejection}: set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*`;
  return new TemporalUnreachable(why, { cause: error });
}

/** Why a worker could not connect, with the fix; any other error is returned as it is. */
export function mapWorkerConnectError(facts: ConnectionFacts, error: unknown): unknown {
  const isKnown = error instanceof Error && [CONNECT_ERROR, NATIVE_REJECTION].some((text) => text.test(error.message));
  return isKnown ? unreachable(facts, error) : error;
}

export const namespaceFix = (name: string) =>
  `temporal operator namespace create --namespace ${name}, or set TEMPORAL_NAMESPACE`;

/** Adds the fix to the error of a missing namespace; any other error is returned as it is. */
export function mapNamespaceError(name: string, error: unknown): unknown {
  const missing =
    error instanceof NamespaceNotFoundError || (error instanceof Error && NAMESPACE_NOT_FOUND.test(error.message));
  return missing ? new Error(`there is no namespace ${name}: ${namespaceFix(name)}`, { cause: error }) : error;
}

/** The SDK wraps the gRPC error of a client's connection; that of a worker's connection is one, with its text in `message` alone. */
const grpcOf = (error: unknown) => (error instanceof ServiceError && !isGrpcServiceError(error) ? error.cause : error);

/** PERMISSION_DENIED and UNAUTHENTICATED. */
const AUTH_ERROR_CODES = [7, 16];
const UNIMPLEMENTED = 12;

/** The server's message if it rejected the credentials; null for any other error. */
export function credentialRejection(error: unknown): string | null {
  const grpc = grpcOf(error);
  return isGrpcServiceError(grpc) && AUTH_ERROR_CODES.includes(grpc.code) ? grpc.details || grpc.message : null;
}

/** The server's message if it rejected the credentials or has no such call: Temporal Cloud allows some changes in its web page only. */
export function deniedOrUnsupported(error: unknown): string | null {
  const grpc = grpcOf(error);
  if (isGrpcServiceError(grpc) && grpc.code === UNIMPLEMENTED) return grpc.details || grpc.message;
  return credentialRejection(error);
}

/** How long a server may take to answer the first call, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Runs `use` with a client and closes its connection afterwards.
 * @throws {TemporalUnreachable} when no server answers. */
export async function withClient<T>(env: NodeJS.ProcessEnv, use: (client: Client) => Promise<T>): Promise<T> {
  const { connectionOptions, namespace, facts, apiKey } = connectionConfig(env);
  const payloadCodecs = [payloadCodec(payloadKeys(env), 'throw')];
  const { interceptors, close } = callsUntilClose();
  const connection = await Connection.connect({
    ...connectionOptions,
    ...(apiKey && { apiKey }),
    interceptors,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((error: unknown) => {
    throw unreachable(facts, error);
  });
  try {
    return await use(new Client({ connection, namespace, dataConverter: { payloadCodecs } }));
  } catch (error) {
    throw mapNamespaceError(namespace, error);
  } finally {
    close();
    await connection.close();
  }
}
