import { refusedFor } from '../contract/brand.js';
import type { LaneState } from '../contract/lane.js';
import { activeQuarantines, TENANT_NAME } from '../contract/tenants/quarantine.js';
import { exampleMoment } from '../domain/moment.js';
import { isoOf } from '../domain/payloads/fields.js';
import { brief } from './limits.js';

/** Most tenants in quarantine at a time. */
const MAX_QUARANTINES = 20;
/** Longest quarantine, in milliseconds: 30 days. A tenant that needs longer leaves the fleet. */
const MAX_MS = 30 * 24 * 3_600_000;
const isName = (tenant: unknown): tenant is string => typeof tenant === 'string' && TENANT_NAME.test(tenant);

/** Puts a tenant into quarantine, or changes until when; returns the answer, or why it is refused. */
export function quarantine(
  { ledger }: LaneState,
  sent: { tenant: unknown; until: unknown },
  { by, reason }: { by: string; reason: string },
  now: number,
): { answer: string } | { refused: string } {
  const { tenant } = sent;
  if (!isName(tenant)) return noTenant('quarantine', tenant);
  const until = isoOf(sent.until);
  const left = until === null ? 0 : Date.parse(until) - now;
  if (until === null || left <= 0 || left > MAX_MS)
    return refusedFor(
      'quarantine',
      'until',
      sent.until,
      `a time in the next 30 days, e.g. "until":"${exampleMoment(now)}"`,
    );
  const others = activeQuarantines(ledger, now).filter((one) => one.tenant !== tenant);
  if (others.length >= MAX_QUARANTINES)
    return { refused: `quarantine refused: ${MAX_QUARANTINES} tenants are in quarantine already` };
  const since = new Date(now).toISOString();
  ledger.quarantines = [...others, { tenant, by: brief(by), why: brief(reason), since, until }];
  return { answer: `${tenant} is in quarantine until ${until}: releases go on without it, and say so` };
}

/** Ends a quarantine. */
export function unquarantine(
  { ledger }: LaneState,
  tenant: unknown,
  now: number,
): { answer: string } | { refused: string } {
  if (!isName(tenant)) return noTenant('unquarantine', tenant);
  const active = activeQuarantines(ledger, now);
  const others = active.filter((one) => one.tenant !== tenant);
  if (others.length > 0) ledger.quarantines = others;
  else delete ledger.quarantines;
  return {
    answer:
      others.length < active.length
        ? `${tenant} is no longer in quarantine: the next release tests it`
        : `${tenant} was not in quarantine`,
  };
}

const noTenant = (verb: string, tenant: unknown) =>
  refusedFor(verb, 'tenant', tenant, 'a name of the fleet, e.g. "tenant":"canary-2"');
