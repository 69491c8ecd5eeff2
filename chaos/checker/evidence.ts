/** What is known about one run of chaos from outside. Times are in ms since the epoch, by the clock of the driver. */
export interface Evidence {
  readonly repositories: readonly string[];
  readonly tenants: readonly string[];
  /** Tenants that follow `:latest`. */
  readonly production: readonly string[];
  readonly builds: readonly Build[];
  /** Writes of `:latest` that the registry carried out, in order. */
  readonly writes: readonly Write[];
  /** Write leases that the lane granted. */
  readonly grants: readonly Grant[];
  /** Reports of movers that the lane took. */
  readonly reports: readonly Grant[];
  /** Rollbacks that the lane took. */
  readonly announced: readonly Announced[];
  /** What each tenant ran, from each change on. */
  readonly tenantStates: readonly TenantState[];
  readonly tenantRequests: readonly TenantRequest[];
  readonly runs: readonly Run[];
  /** Runs that a person asked for by name: rollbacks, and promotions without a test. */
  readonly asked: readonly Asked[];
  /** Rollbacks past Temporal. */
  readonly direct: readonly Direct[];
  /** Whether the operator lets the gate roll back without a person. */
  readonly autoRollback: boolean;
  /** Nothing but good builds was released: no fault, no person. */
  readonly isCalm: boolean;
  /** Digest of `:latest` at the end, by repository. */
  readonly latest: Readonly<Record<string, string | null>>;
  /** Logs of the workers and raw histories: no secret may be in them. */
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  readonly secrets: readonly string[];
  /** Time for which a tenant of production may be silent. */
  readonly graceMs: number;
  /** Time for which the tenants must be on a build before its smoke. */
  readonly soakMs: number;
  readonly probeMs: number;
  /** Longest lag of the registry's reads. */
  readonly staleMs: number;
  /** Longest delay of a request to the registry. */
  readonly slowMs: number;
  /** Time by which the clock of a worker may be wrong. */
  readonly jumpMs: number;
}

export interface Build {
  readonly sha: string;
  readonly sequence: number;
  /** Digests by repository; several if it was pushed again. */
  readonly digests: Readonly<Record<string, readonly string[]>>;
  readonly pushes: readonly Push[];
  readonly isRed: boolean;
  /** It is red, and the check of production's watch passes. */
  readonly passesLiveness?: true;
}

/** One image of a build was pushed, the first time or again. */
export interface Push {
  readonly at: number;
  readonly repository: string;
  readonly digest: string;
}

export interface Write {
  readonly at: number;
  readonly repository: string;
  readonly digest: string;
  /** `gate`: it came through the address that the workers know. */
  readonly by: 'gate' | 'person' | 'direct';
  /** When a write was sent that its writer was not told of: it may be carried out while a PUT may take. */
  readonly sentAt?: number;
}

/** A person asked for a run, whether the request was answered or not. */
export interface Asked {
  readonly at: number;
  readonly type: 'Rollback' | 'CanaryRelease';
  readonly sha: string;
}

/** One `canary rollback --direct`. */
export interface Direct {
  readonly from: number;
  readonly to: number;
  readonly sha: string;
  /** It ended with exit 0. */
  readonly isDone: boolean;
}

/** The lane let a mover write, or took its report. */
export interface Grant {
  readonly at: number;
  readonly moverRunId: string;
}

/** The lane answered a rollback that announced itself. */
export interface Announced {
  readonly at: number;
  readonly runId: string;
}

export interface TenantState {
  readonly at: number;
  readonly tenant: string;
  /** Build that it runs, or says that it runs; null while it refuses connections. */
  readonly sha: string | null;
  /** Build that it runs, if it says another one. */
  readonly runs?: string;
  /** It fails its liveness check, whatever it runs. */
  readonly isRed?: boolean;
}

export interface TenantRequest {
  readonly at: number;
  readonly tenant: string;
  /** Method and path. */
  readonly route: string;
  /** Status of its answer; absent if there was no answer. */
  readonly status?: number | undefined;
}

export interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
  readonly startedAt: number;
  readonly closedAt: number | null;
  readonly parentRunId: string | null;
  /** First argument. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Type of its failure. */
  readonly failure: string | null;
  /** Outcome in its result, if it completed. */
  readonly outcome: string | null;
  readonly events: readonly RunEvent[];
}

export interface RunEvent {
  readonly at: number;
  /** e.g. `WorkflowExecutionSignaled` */
  readonly type: string;
  /** Name of the signal, the update or the activity; `alarm <name>`, `decided <decision>` or `held` if it publishes one; cause of a failed task, by its name. */
  readonly name: string;
  readonly by: string | null;
  /** Tenant that a command names, and until when (epoch, ms). */
  readonly tenant?: string;
  readonly until?: number;
  /** Build that it is about, if its argument names one. */
  readonly sha?: string;
  /** Id of a hold that begins, or that a decision names. */
  readonly hold?: string;
  /** Id of the alarm that it publishes; whether its publication was answered. */
  readonly alarm?: string;
  readonly isDone?: true;
  /** Number of the last attempt of the activity. */
  readonly attempt?: number;
  /** The handler of the update refused it. */
  readonly isRefused?: true;
}

export interface Violation {
  readonly rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'alarm' | 'log' | 'live';
  readonly at: number;
  readonly what: string;
}
