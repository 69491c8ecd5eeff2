import type { CheckResult, TenantSmoke } from '../contract/check.js';

/** Bytes of a report. A result or failure over 2 MB fails the workflow task for ever, and the server warns from 256 KB on (docs/protocol.md, Limits). */
export const MAX_REPORT = 200_000;

/** The report as it is, or, when it is too long, with what failed first and the rest as counts; the longest lists last. */
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
  const left = report.tenants.length - tenants.length;
  return { ...report, tenants, ...(left > 0 && { tenantsLeftOut: left }) };
}

/** Failures first, then what could not be tested. */
const rank = (checks: CheckResult[]) =>
  checks.some(({ verdict }) => verdict === 'fail') ? 2 : checks.length > 0 ? 1 : 0;

const sizeOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

/** The server ends a run whose search attribute is longer than 2,048 bytes; the report has all names. */
export function fitNames(names: string[]): string[] {
  let room = 1_500;
  return names.filter((name) => {
    room -= name.length * 3 + 3;
    return room > 0;
  });
}
