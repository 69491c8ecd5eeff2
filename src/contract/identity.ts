/** Person who requests or decides, by the name that the caller claims. */
export interface Person {
  by: string;
}

/** Who may approve a release: a rule of its plan. */
export interface ApproverRules {
  /** Whether the person who requested the release must not approve it. */
  fourEyes: boolean;
  /** Names that alone may approve; `*` at the end of one stands for any rest. Null: any name. */
  approvers: string[] | null;
}

/** The rules, and who requested the release; null if no name was given. */
export interface ReleaseApprovers extends ApproverRules {
  requester: Person | null;
}
