// What tenants are compared by.

/** One endpoint of every tenant, and what is compared of its answer. */
export interface Compared {
  /** Asked with GET; the answer is JSON with status 200. */
  path: string;
  /** `admin` if left out; a production tenant without a token can only be asked with `none`. */
  as?: 'admin' | 'none';
  /** Dotted paths of values, `flags`; of an object every value in it, and `$` is the whole answer. */
  values?: readonly string[];
  /** Dotted paths of objects of which only the names are compared, `subsystems`. */
  keys?: readonly string[];
}

/** A value as it is compared, which never leaves the process, and as it and its path are shown. */
export interface Value {
  exact: string;
  /** Made only of what is told: it takes time to redact. */
  shown: () => string;
  label: () => string;
}

/** What a tenant answers of one field: each value in it, by its path; or why that is not known. */
export type Field = { values: ReadonlyMap<string, Value>; unknown?: never } | { unknown: string };

/** What a tenant answers, by the name of the field. */
export interface TenantFacts {
  tenant: string;
  fields: ReadonlyMap<string, Field>;
}

/** The other tenants, which one is compared with. */
export interface OtherTenants {
  /** `canary` without a production fleet. */
  fleet: 'production' | 'canary';
  facts: readonly TenantFacts[];
}

/** Reads what the other tenants answer. One that does not answer is part of the result.
 * @throws with the reason if the fleet itself cannot be read. */
export type ReadOthers = (
  read: readonly Compared[],
  asked: { tenant: { origin: string }; quarantined?: readonly string[] },
  signal: AbortSignal,
) => Promise<OtherTenants>;

/** The names of the fields of an endpoint: what a report shows of them, also in public. */
export const fieldsOf = ({ values = [], keys = [] }: Compared): { name: string; at: string; isKeys: boolean }[] => [
  ...values.map((at) => ({ name: at, at, isKeys: false })),
  ...keys.map((at) => ({ name: `names in ${at}`, at, isKeys: true })),
];

/** Every field of a comparison, in order. */
export const fieldNames = (read: readonly Compared[]) => read.flatMap((one) => fieldsOf(one).map(({ name }) => name));
