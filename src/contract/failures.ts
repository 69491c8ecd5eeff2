/** Types of failures that end a run: the closed list that people filter by in the Temporal UI. */
export const FAILURE_TYPES = {
  CanaryRejected: 'RED: a check of the smoke suite failed.',
  CanaryBuildBad: 'The build is known-bad: it was rolled back from, or canary rejected it.',
  CanaryHoldExpired: 'No person decided a hold in time; nothing moved.',
  CanaryAborted: 'A person or a rollback stopped the run.',
  BuildNotFound: 'An image of the build, or a manifest that it consists of, is not in the registry.',
  RegistryDenied: 'The registry refused the credentials of the gate.',
  RegistryUnavailable: 'The registry did not give a usable answer within the retry budget.',
  ConfigInvalid: 'The input or the configuration is invalid.',
  TimedOut: 'A step exceeded its time-out, or no worker took it.',
  SecretMissing: 'The worker lacks a secret that the plan names.',
  MoveRefused: 'The move was not allowed, and nothing moved.',
  MoveFailed: 'The move did not finish; each digest is named.',
  ControlPlaneFailed: 'The control plane refused a call, answered something else, or did not answer in time.',
  TenantNotAdded: 'A canary tenant was not added; the message names the state and the command that goes on.',
  PairSplit: 'The images are on two builds and could not be restored; this raises an alarm.',
} as const;

/** Type of a failure that ends a run. */
export type FailureType = keyof typeof FAILURE_TYPES;

/** Whether a type is of a failure that ends a run. */
export const isFailureType = (type: unknown): type is FailureType =>
  typeof type === 'string' && Object.hasOwn(FAILURE_TYPES, type);

/** Type of a failure that rejects an update, and ends nothing. */
export const DECISION_REFUSED = 'DecisionRefused';
/** Type of a failure of one delivery to a sink, which ends no run. */
export const SINK_FAILED = 'SinkFailed';
