import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  type Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  ServiceError,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { type ConnectionFacts, connectionConfig } from './connection.js';
import { NoAnswer } from './faults/in-time.js';
import { RATE_LIMITED, watchRateLimit } from './faults/rate-limit.js';
import { tlsFault } from './faults/tls-fault.js';
import { payloadCodec } from './payloads/codec.js';
import { payloadKeys } from './payloads/keys.js';
import { boundedCalls, type Interceptor } from './transport/bounded-calls.js';
import { PromptConnection } from './transport/prompt-connection.js';
import { clientProxy } from './transport/proxy.js';
import { traceStarts } from './transport/trace-headers.js';

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

/** Temporal could not be reached, or cannot carry out what was asked; no verdict about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
  /** @param passes whether it may pass without a change here: a server that starts, a database that is down. */
  constructor(
    message: string,
    readonly passes: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a process connects with. */
export type Connecting = Pick<ReturnType<typeof connectionConfig>, 'facts' | 'connectionOptions'>;

/** Why a client could not connect, with the fix. Neither client says why a handshake failed, so it is made once more. */
async function unreachable({ facts, connectionOptions }: Connecting, error: unknown): Promise<TemporalUnreachable> {
  const { address: at } = facts;
  const rejection = credentialRejection(error) ?? NATIVE_REJECTION.exec((error as Error).message)?.[1];
  if (rejection !== undefined)
    return new TemporalUnreachable(
      `Temporal at ${at} rejects the credentials: ${rejection}: ${CREDENTIALS_FIX}`,
      false,
      {
        cause: error,
      },
    );
  // A look past the proxy would not tell what is wrong behind it.
  const fault = facts.via ? null : await tlsFault(at, connectionOptions.tls);
  if (fault) return new TemporalUnreachable(`Temporal at ${at} cannot be used: TLS: ${fault}`, false, { cause: error });
  const fix = facts.via ? 'does it run, and allow that? NO_PROXY excludes a host' : 'start it, or set TEMPORAL_ADDRESS';
  const way = facts.via ? ` through the ${facts.via}` : '';
  return new TemporalUnreachable(`Temporal does not answer at ${at}${way}: ${fix}`, true, { cause: error });
}

const CREDENTIALS_FIX = 'set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*';

/** Why a worker could not connect, with the fix. */
export async function mapWorkerConnectError(connecting: Connecting, error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const mapped = await unreachable(connecting, error);
  // The native client has no code for what it refuses itself, a key that does not match its certificate above all.
  const isKnown = !mapped.passes || CONNECT_ERROR.test(error.message);
  return isKnown ? mapped : error;
}

/** Why a worker that was connected failed, with the fix. The native client passes on the server's text alone. */
export function mapWorkerFailure({ address }: ConnectionFacts, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const text =
    error.name === 'TransportError'
      ? `Temporal at ${address} refuses this worker: ${error.message}: ${CREDENTIALS_FIX}`
      : `the worker failed: ${error.message}: start it again, and report it if that repeats`;
  return new Error(text, { cause: error });
}

/** gRPC status codes of a server that answers, and cannot carry out what was asked: its database, its load. */
const OUTAGE_CODES = [4, RATE_LIMITED, 14];

/** The SDK wraps the gRPC error of a client's connection; that of a worker's connection is one, with its text in `message` alone. */
const grpcOf = (error: unknown) => (error instanceof ServiceError && !isGrpcServiceError(error) ? error.cause : error);

/** Whether a call failed because the server does not answer, or cannot work for now. */
export function isOutage(error: unknown): boolean {
  const grpc = grpcOf(error);
  return isGrpcServiceError(grpc) && OUTAGE_CODES.includes(grpc.code);
}

/** Maps the error of a call that the server could not carry out for now; any other error is returned as it is.
 * @param limited the server's message if it limits the calls; null if it does not. */
export function mapOutage(facts: ConnectionFacts, error: unknown, limited: string | null = null): unknown {
  if (error instanceof NoAnswer) return outage(facts, error.message, limited, error, SLOW);
  const grpc = grpcOf(error);
  if (!isGrpcServiceError(grpc) || !isOutage(error)) return error;
  const why = grpc.details || grpc.message;
  const limit = grpc.code === RATE_LIMITED ? why : limited;
  return outage(facts, grpc.code === DEADLINE_EXCEEDED ? 'no answer in time' : why, limit, error);
}

/** One call may be silent alone, and much to read takes long. */
const SLOW = 'it is slow, or its database is down: canary doctor';

const outage = (
  { address, namespace }: ConnectionFacts,
  why: string,
  limited: string | null,
  cause?: unknown,
  guess = 'is its database down?',
) =>
  new TemporalUnreachable(
    `Temporal at ${address} cannot work on namespace ${namespace}: ${
      limited === null
        ? `${why} (${guess})`
        : `it limits the rate of calls: ${limited} (try again in a minute, or raise the limit)`
    }; releases wait; to roll back without it: canary rollback <sha> --reason … --direct`,
    true,
    { cause },
  );

/** The namespace does not exist. */
export class NamespaceMissing extends Error {
  override readonly name = 'NamespaceMissing';
  /** What is wrong, without the fix. */
  readonly what: string;
  readonly fix: string;
  constructor(namespace: string, options?: ErrorOptions) {
    const what = `there is no namespace ${namespace}`;
    const fix = `temporal operator namespace create --namespace ${namespace}, or set TEMPORAL_NAMESPACE`;
    super(`${what}: ${fix}`, options);
    this.what = what;
    this.fix = fix;
  }
}

/** Adds the fix to the error of a missing namespace; any other error is returned as it is. */
export function mapNamespaceError(name: string, error: unknown): unknown {
  const missing =
    error instanceof NamespaceNotFoundError || (error instanceof Error && NAMESPACE_NOT_FOUND.test(error.message));
  return missing ? new NamespaceMissing(name, { cause: error }) : error;
}

const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
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

/** How long a server may take to read its database, in milliseconds. */
const DATABASE_MS = 3_500;

/** Runs `use` with a client and closes its connection afterwards.
 * @throws {TemporalUnreachable} when no server answers, or one that cannot read its database. */
export async function withClient<T>(env: NodeJS.ProcessEnv, use: (client: Client) => Promise<T>): Promise<T> {
  const { connectionOptions, namespace, facts, proxy, apiKey } = connectionConfig(env);
  const payloadCodecs = [payloadCodec(payloadKeys(env), 'throw')];
  const { interceptors, close } = callsUntilClose();
  const { interceptor, limited } = watchRateLimit();
  const connection = await PromptConnection.connect({
    ...connectionOptions,
    ...clientProxy(proxy, facts.address),
    ...(apiKey && { apiKey }),
    // Below the retries, so that it sees each attempt.
    interceptors: [...interceptors, interceptor, boundedCalls],
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch(async (error: unknown) => {
    throw await unreachable({ facts, connectionOptions }, error);
  });
  try {
    await readDatabase(connection, facts, limited);
    const ofStarts = { workflow: [traceStarts] };
    return await use(new Client({ connection, namespace, dataConverter: { payloadCodecs }, interceptors: ofStarts }));
  } catch (error) {
    throw mapOutage(facts, mapNamespaceError(namespace, error), limited());
  } finally {
    close();
    await connection.close();
  }
}

/** Makes the server read its database: it answers many calls without, and the others take 20 s to fail. Any other refusal is the command's to find. */
async function readDatabase(
  connection: Connection,
  facts: ConnectionFacts,
  limited: () => string | null,
): Promise<void> {
  const { namespace } = facts;
  const read = connection.withDeadline(Date.now() + DATABASE_MS, () =>
    connection.workflowService.describeNamespace({ namespace }),
  );
  const given = new AbortController();
  // Between two attempts, the SDK does not heed the deadline.
  const late = delay(DATABASE_MS, undefined, { signal: given.signal }).then(() => {
    throw outage(facts, `no answer within ${DATABASE_MS / 1000} s`, limited());
  });
  try {
    await Promise.race([read, late]);
  } catch (error) {
    const isForCommand = isGrpcServiceError(error) && error.code !== NOT_FOUND && !isOutage(error);
    if (!isForCommand) throw error;
  } finally {
    given.abort();
  }
}
