import type { CheckResult, TenantSmoke } from '../contract/tenants/check.js';

/** Longest report, in bytes of JSON. A result or failure over 2 MB fails the workflow task for good, and the server warns from 256 KB on (docs/protocol.md, Limits). */
export const MAX_REPORT = 200_000;

/** Cuts a report that is longer than `max` bytes: passed checks become counts, then tenants are left out and counted, those with failures last. */
export function fitReport<R extends { tenants: TenantSmoke[] }>(report: R, max = MAX_REPORT): R {
  if (sizeOf(report) <= max) return report;
  const open = report.tenants.map(({ tenant, checks }) => {
    const kept = checks.filter(({ verdict }) => verdict !== 'pass');
    return { tenant, checks: kept, passed: checks.length - kept.length };
  });
  const bare = { ...report, tenants: [] };
  let room = max - sizeOf(bare);
  const tenants: TenantSmoke[] = [];
  for (const one of [...open].sort((a, b) => rank(b.checks) - rank(a.checks))) {
    const size = sizeOf(one) + 1;
    if (size > room) break;
    room -= size;
    tenants.push(one);
  }
  const omitted = report.tenants.length - tenants.length;
  return { ...report, tenants, ...(omitted > 0 && { tenantsLeftOut: omitted }) };
}

/** Rank of a tenant in a cut report: failures before checks that could not be tested. */
const rank = (checks: CheckResult[]) =>
  checks.some(({ verdict }) => verdict === 'fail') ? 2 : checks.length > 0 ? 1 : 0;

const sizeOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

/** Cuts a list of names to a search attribute: the server ends a run if one exceeds 2,048 bytes. The report has all names. */
export function fitNames(names: string[]): string[] {
  let room = 1_500;
  return names.filter((name) => {
    room -= name.length * 3 + 3;
    return room > 0;
  });
}
