/** The types of failures that end a run: the closed list that people filter by in the Temporal UI. */
export const FAILURE_TYPES = {
  CanaryRejected: 'RED: an assertion of the smoke suite failed.',
  CanaryBuildBad: 'The build was rolled back before.',
  CanaryHoldExpired: 'Nobody decided a hold in time, so nothing moved.',
  CanaryAborted: 'A human stopped it.',
  BuildNotFound: 'An image of the build, or a manifest it is made of, is not in the registry.',
  RegistryDenied: 'The registry refused our credentials.',
  RegistryUnavailable: 'The registry did not answer, or not with sense, for as long as we are patient.',
  ConfigInvalid: 'The input or the configuration makes no sense.',
  TimedOut: 'A step took longer than its bound, or no worker took it.',
  SecretMissing: 'The worker lacks a secret that the plan names.',
  MoveRefused: 'The move was not allowed, and nothing moved.',
  MoveFailed: 'The move did not come to its end; each digest is named.',
  PairSplit: 'The images are on two builds and could not be mended: alarm.',
} as const;

export type FailureType = keyof typeof FAILURE_TYPES;
