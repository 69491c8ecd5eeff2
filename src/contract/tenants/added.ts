import { type Brand, invalid } from '../brand.js';

/** Name of an org of the control plane, and of its tenant in the fleet. */
export type Slug = Brand<'Slug'>;

const SLUG = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** Parses a slug, which becomes a part of a host name, a path and a workflow id.
 * @throws {InvalidInput} */
export function parseSlug(given: unknown): Slug {
  if (typeof given === 'string' && SLUG.test(given)) return given as Slug;
  throw invalid('slug', given, 'up to 40 lower-case letters, digits and inner dashes, e.g. canary-3');
}

/** What `AddCanaryTenant` is started with. */
export interface AddTenantInput {
  slug: Slug;
  /** The slug once more: an instance in another account, or one that failed, is deleted with all its data, and made again. */
  recreate?: Slug;
  requestedBy?: string;
}

/** Phases of `AddCanaryTenant`; each does its work once, by what the control plane says. */
export const ADD_PHASES = {
  creating: 'The org is created, or taken up if there is one.',
  marking: 'The org is marked as a canary, so that its instance goes to the canary account.',
  recreating: 'The instance and all its data are deleted, as `--recreate` confirmed.',
  provisioning: 'The instance is started, and polled until it runs.',
  storing: 'The admin token goes from the control plane into the secret store of the worker.',
  checking: 'The tenant is asked for its build, and the smoke suite runs on it.',
  joining: 'The fleet file is rewritten with the tenant in it; the file before is kept.',
  done: 'The tenant is a member of the canary fleet, or the run has stopped.',
} as const;

export type AddPhase = keyof typeof ADD_PHASES;

/** Why `AddCanaryTenant` stopped, and the command that goes on, with `<slug>` in it. Nothing is undone: what was reached is taken up. */
export const ADD_STOPS = {
  'not-configured': {
    means: 'The worker has no control plane, or no fleet that can be added to.',
    next: 'canary tenants add <slug>',
  },
  'control-plane': {
    means: 'The control plane refused a call, answered another shape, or did not answer for 15 minutes.',
    next: 'canary tenants add <slug>',
  },
  'not-ours': {
    means:
      'The slug is that of an org that may be a customer, of a tenant of production, or of another tenant of the fleet file.',
    next: 'canary tenants add <another-slug>',
  },
  'mark-unknown': {
    means: 'The org has an instance, and the control plane does not say whether it is a canary. Nothing is deleted.',
    next: 'canary tenants add <another-slug>',
  },
  'already-provisioned': {
    means: 'The org has an instance in another account, and only a new one goes to the canary account.',
    next: 'canary tenants add <slug> --recreate',
  },
  'instance-failed': { means: 'The instance failed.', next: 'canary tenants add <slug> --recreate' },
  'instance-slow': { means: 'The instance did not run in time.', next: 'canary tenants add <slug>' },
  'org-gone': {
    means: 'The control plane no longer lists the org, or no longer as a canary.',
    next: 'canary tenants add <slug>',
  },
  'token-not-stored': { means: 'The secret store did not take the admin token.', next: 'canary tenants add <slug>' },
  red: { means: 'A check of the smoke suite failed on the tenant.', next: 'canary tenants add <slug>' },
  untested: {
    means: 'The tenant could not be tested in time, or reports no build.',
    next: 'canary tenants add <slug>',
  },
  'not-joined': { means: 'The fleet with the tenant in it cannot be used.', next: 'canary tenants add <slug>' },
  fault: { means: 'A step failed, or no worker took it in time.', next: 'canary tenants add <slug>' },
} as const satisfies Record<string, { means: string; next: string }>;

export type AddStop = keyof typeof ADD_STOPS;

/** State of `AddCanaryTenant`, and its result. It has no secret. */
export interface AddTenantStatus {
  slug: Slug;
  phase: AddPhase;
  why: string;
  /** ISO 8601. */
  since: string;
  started: string;
  requestedBy: string | null;
  /** Where the tenant answers, once that is known. */
  origin: string | null;
  /** Build that it reports. */
  build: string | null;
  /** Set at the end. */
  outcome: 'added' | AddStop | null;
  /** Command that goes on; null for `added`, and while it runs. */
  next: string | null;
}

/** Whether a value is the status of an addition, by what is decided on; a newer version may have an outcome that this one does not know. */
export function isAddTenantStatus(value: unknown): value is AddTenantStatus {
  const { slug, phase, why, outcome, next } = Object(value) as Partial<Record<keyof AddTenantStatus, unknown>>;
  const isTextOrNull = (one: unknown) => one === null || typeof one === 'string';
  return [slug, phase, why].every((one) => typeof one === 'string') && isTextOrNull(outcome) && isTextOrNull(next);
}

/** What a control plane says of an org, as far as the run needs it. */
export interface OrgNow {
  org: string;
  /** `absent`: no such org; `new`: no instance yet. */
  state: 'absent' | 'new' | 'coming' | 'running' | 'failed';
  /** Null if the control plane does not say so. */
  isCanary: boolean | null;
  why: string;
}

/** An org that was not touched, by the stop that it is: one that may be a customer, or that may be a canary. */
export type LeftAlone = 'not-ours' | 'mark-unknown';

/** What adding a tenant changes besides the control plane. */
export interface AddPlan {
  /** Whether the fleet is a file, which must get the tenant; else the control plane is the fleet. */
  joins: boolean;
  /** How long an instance may take to run, and a tenant to be tested, in milliseconds. */
  instanceMs: number;
  checkMs: number;
  /** Why the slug is that of another tenant, if it is. */
  taken?: string;
}
