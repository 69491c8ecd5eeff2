import { type Compared, fieldNames, type TenantFacts } from './facts.js';

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

/** Compares every field over all tenants. A tenant that did not answer is not known, never the same; so is a field that no tenant has. */
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
    if (known.length > 0 && paths.size === 0) unknown.push({ tenant: null, field, why: 'no tenant has it' });
    else if (all.length < 2) unknown.push({ tenant: null, field, why: 'there is no other tenant to compare with' });
    for (const [path, label] of paths) {
      const groups = groupsOf(known.map(({ tenant, values }) => ({ tenant, value: values.get(path) })));
      if (groups.length > 1) differences.push({ field, label, groups });
    }
  }
  return { differences, unknown };
}

function groupsOf(all: { tenant: string; value: { exact: string; shown: string } | undefined }[]) {
  const groups = new Map<string | null, Difference['groups'][number]>();
  for (const { tenant, value } of all) {
    const key = value?.exact ?? null;
    const group = groups.get(key) ?? { shown: value?.shown ?? ABSENT, tenants: [] };
    group.tenants.push(tenant);
    groups.set(key, group);
  }
  return [...groups.values()].sort((one, other) => other.tenants.length - one.tenants.length);
}
