import { type ConnectionOptions, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * The SDK's own retries, which end when the connection is closed. A call that nobody waits for any more, since another one failed
 * first or time was up, may sit between two tries then; the SDK would try it on the closed channel and throw where nobody catches.
 */
export function callsUntilClose(): { interceptors: Interceptor[]; close: () => void } {
  let closed = false;
  const heed: Interceptor = (options, nextCall) => (closed ? NO_CALL : nextCall(options)) as ReturnType<Interceptor>;
  return {
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), heed],
    close: () => {
      closed = true;
    },
  };
}

const nothing = () => undefined;
/** Takes what it is told and answers nothing. */
const NO_CALL = { start: nothing, sendMessage: nothing, halfClose: nothing } as unknown;
