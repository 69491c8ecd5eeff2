import { defineSearchAttributeKey } from '@temporalio/common';

/** Sha of the run. `canary setup` registers all search attributes: a run that sets an unregistered one hangs. */
export const CanarySha = defineSearchAttributeKey('CanarySha', 'KEYWORD');
/** Phase of the run. */
export const CanaryPhase = defineSearchAttributeKey('CanaryPhase', 'KEYWORD');
/** Outcome of the run, or the type of its failure. */
export const CanaryOutcome = defineSearchAttributeKey('CanaryOutcome', 'KEYWORD');
/** Name of the open hold. */
export const CanaryWaitingFor = defineSearchAttributeKey('CanaryWaitingFor', 'KEYWORD');
/** Who started the run. */
export const CanaryRequestedBy = defineSearchAttributeKey('CanaryRequestedBy', 'KEYWORD');
/** Tenants with a failed check. */
export const CanaryTenantsRed = defineSearchAttributeKey('CanaryTenantsRed', 'KEYWORD_LIST');
/** Start of the current phase. */
export const CanaryPhaseSince = defineSearchAttributeKey('CanaryPhaseSince', 'DATETIME');

/** Search attributes by which the Temporal UI lists and filters runs. */
export const SEARCH_ATTRIBUTES = [
  CanarySha,
  CanaryPhase,
  CanaryOutcome,
  CanaryWaitingFor,
  CanaryRequestedBy,
  CanaryTenantsRed,
  CanaryPhaseSince,
];
