import { type Compared, fieldNames, type TenantFacts, type Value } from './facts.js';
import { NOT_SHOWN } from './show.js';

/** One value that is not the same on all tenants: who has which, the largest group first. */
export interface Difference {
  field: string;
  /** Path of the value; part of an answer, so not for the public. */
  label: string;
  groups: { shown: string; tenants: string[] }[];
}

/** What is not known of a tenant; of all of them if `tenant` is null. */
export interface Unknown {
  tenant: string | null;
  field: string;
  why: string;
}

export interface Comparison {
  differences: Difference[];
  unknown: Unknown[];
}

const ABSENT = 'absent';

/** Compares every field over all tenants. A tenant that did not answer is not known, never the same; so is a field that no tenant has, or that is null on each. */
export function compareTenants(read: readonly Compared[], all: readonly TenantFacts[]): Comparison {
  const differences: Difference[] = [];
  const unknown: Unknown[] = [];
  for (const field of fieldNames(read)) {
    const known = all.flatMap(({ tenant, fields }) => {
      const found = fields.get(field) ?? { unknown: 'it was not asked' };
      if (found.unknown === undefined) return [{ tenant, values: found.values }];
      unknown.push({ tenant, field, why: found.unknown });
      return [];
    });
    const paths = new Map(
      known.flatMap(({ values }) => [...values].map(([path, { label }]) => [path, label] as const)),
    );
    const isThere = known.some(({ values }) => [...values.values()].some(({ exact }) => exact !== 'null'));
    const nowhere = paths.size === 0 ? 'no tenant has it' : 'it is null on each tenant';
    if (known.length > 0 && !isThere) unknown.push({ tenant: null, field, why: nowhere });
    else if (all.length < 2) unknown.push({ tenant: null, field, why: 'there is no other tenant to compare with' });
    for (const [path, label] of paths) {
      const groups = groupsOf(known.map(({ tenant, values }) => ({ tenant, value: values.get(path) })));
      if (groups.length > 1)
        differences.push({
          field,
          label: label(),
          groups: groups.map(({ value, tenants }) => ({ shown: value?.shown() ?? ABSENT, tenants })),
        });
    }
  }
  return { differences, unknown };
}

/** Tenants by their value, the largest group first. */
function groupsOf(all: { tenant: string; value: Value | undefined }[]) {
  const groups = new Map<string | null, { value: Value | undefined; tenants: string[] }>();
  for (const { tenant, value } of all) {
    const key = value?.exact ?? null;
    const group = groups.get(key) ?? { value, tenants: [] };
    group.tenants.push(tenant);
    groups.set(key, group);
  }
  return [...groups.values()].sort((one, other) => other.tenants.length - one.tenants.length);
}

/** A comparison without what tenants answered: for an output that others may read, as the log of a CI run. */
export function withoutAnswers({ differences, unknown }: Comparison): Comparison {
  const texts = differences.map(({ field, groups }) =>
    JSON.stringify({ field, label: field, groups: groups.map(({ tenants }) => ({ shown: NOT_SHOWN, tenants })) }),
  );
  return { differences: [...new Set(texts)].map((one): Difference => JSON.parse(one)), unknown };
}
