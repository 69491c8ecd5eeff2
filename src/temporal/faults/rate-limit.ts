import type { ConnectionOptions } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

const OK = 0;
/** RESOURCE_EXHAUSTED: more calls than the namespace may make. */
export const RATE_LIMITED = 8;

/**
 * Watches each attempt of each call: the SDK tries again behind a limit of calls, and reports a time-out in the end.
 * @returns `limited`: the server's message while the last answer was such a refusal; else null.
 */
export function watchRateLimit(): { interceptor: Interceptor; limited: () => string | null } {
  let limited: string | null = null;
  const interceptor: Interceptor = (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) =>
      start(metadata, {
        onReceiveMetadata: (received) => listener?.onReceiveMetadata?.(received),
        onReceiveMessage: (message) => listener?.onReceiveMessage?.(message),
        onReceiveStatus: (status) => {
          if (status.code === RATE_LIMITED) limited = status.details;
          else if (status.code === OK) limited = null;
          listener?.onReceiveStatus?.(status);
        },
      });
    return call as ReturnType<Interceptor>;
  };
  return { interceptor, limited: () => limited };
}
