/** Longest token of an identity, in characters; one of GitHub has about 2,000. */
export const MAX_TOKEN = 16_384;

/** Identity that a token proved. The token itself is kept nowhere. */
export interface VerifiedIdentity {
  issuer: string;
  subject: string;
  /** Person behind a job, if the issuer names one: `actor` of GitHub Actions. */
  actor?: string;
  /** Time of the check, ISO 8601. */
  at: string;
}

/** Person who requests or decides. */
export interface Person {
  /** Name that the caller claims. */
  by: string;
  /** Identity that was verified; it counts instead of the name. */
  verified?: VerifiedIdentity;
}

/** What may need a verified identity. */
export const VERIFIABLE = ['promote', 'rollback', 'approve'] as const;
export type Verifiable = (typeof VERIFIABLE)[number];

/** Who may approve a release: a rule of its plan. */
export interface ApproverRules {
  /** Whether the person who requested the release must not approve it. */
  fourEyes: boolean;
  /** Names and verified subjects that alone may approve; `*` at the end of one stands for any rest. Null: any. */
  approvers: string[] | null;
  /** Whether an approval needs a verified identity. */
  verified?: true;
}

/** The rules, and who requested the release; null if no name was given. */
export interface ReleaseApprovers extends ApproverRules {
  requester: Person | null;
}
