/** Names of tenants, in a fleet file and in commands about one. */
export const TENANT_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Canary tenant that a person set aside: releases go on without it, and say so, until then. */
export interface Quarantine {
  tenant: string;
  by: string;
  why: string;
  /** ISO 8601. */
  since: string;
  /** ISO 8601. */
  until: string;
}

/** Part of the ledger, and of what a holder of the lane is told. */
export interface Quarantined {
  /** By tenant, each once; an expired one does not count. Absent: no tenant is in quarantine. */
  quarantines?: Quarantine[];
}

/** Part of a plan about the fleet as a whole. */
export interface FleetRules {
  /** What is unusual about the fleet, one line each, without an address: shown in the status and in every report. */
  fleetNotes?: string[];
  /** Set if no note is about a copy or a quarantine: a release that starts over keeps its plan, as it does without notes. */
  keepsFleet?: true;
  /** Tenants that must test the build at least; absent: no fleet is configured. */
  minTenants?: number;
}

/** Quarantines that count at `now` (epoch, ms). */
export const activeQuarantines = ({ quarantines = [] }: Quarantined, now: number): Quarantine[] =>
  quarantines.filter(({ until }) => now < Date.parse(until));

/** Those of the tenants that are in no quarantine. */
export const withoutQuarantined = <T extends { name: string }>(tenants: T[], quarantines: Quarantine[]): T[] =>
  tenants.filter(({ name }) => !quarantines.some(({ tenant }) => tenant === name));

/** A quarantine on one line, for status and reports. */
export const describeQuarantine = ({ tenant, by, why, until }: Quarantine) =>
  `${tenant} is in quarantine until ${until}, by ${by}: ${why}`;
