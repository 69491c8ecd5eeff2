import { defineSearchAttributeKey } from '@temporalio/common';

/** What the Temporal UI lists and filters runs by. `canary setup` registers them; a run that sets one that is not registered would hang. */
export const CanarySha = defineSearchAttributeKey('CanarySha', 'KEYWORD');
export const CanaryPhase = defineSearchAttributeKey('CanaryPhase', 'KEYWORD');
/** The outcome, or the type of the failure. */
export const CanaryOutcome = defineSearchAttributeKey('CanaryOutcome', 'KEYWORD');
/** The hold. */
export const CanaryWaitingFor = defineSearchAttributeKey('CanaryWaitingFor', 'KEYWORD');
export const CanaryRequestedBy = defineSearchAttributeKey('CanaryRequestedBy', 'KEYWORD');
export const CanaryTenantsRed = defineSearchAttributeKey('CanaryTenantsRed', 'KEYWORD_LIST');
export const CanaryPhaseSince = defineSearchAttributeKey('CanaryPhaseSince', 'DATETIME');

export const SEARCH_ATTRIBUTES = [
  CanarySha,
  CanaryPhase,
  CanaryOutcome,
  CanaryWaitingFor,
  CanaryRequestedBy,
  CanaryTenantsRed,
  CanaryPhaseSince,
];
