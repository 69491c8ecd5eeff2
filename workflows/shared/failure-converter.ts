import { DefaultFailureConverter, type FailureConverter } from '@temporalio/common';

/** Set by a worker that encrypts payloads, ahead of the bundle (`workers/bundle.ts`). It changes no command. */
declare const CANARY_ENCODE_FAILURES: true | undefined;

/** Failures of workflows: with payload encryption, their messages are in a payload, which the codec encrypts. */
export const failureConverter: FailureConverter = new DefaultFailureConverter({
  encodeCommonAttributes: typeof CANARY_ENCODE_FAILURES !== 'undefined',
});
