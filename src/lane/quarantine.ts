import type { LaneState } from '../contract/lane.js';
import { activeQuarantines } from '../contract/tenants/quarantine.js';
import { isoOf, isText } from '../domain/payloads/fields.js';
import { brief } from './limits.js';

/** Most tenants in quarantine at a time. */
const MAX_QUARANTINES = 20;
/** Longest quarantine, in milliseconds: 30 days. A tenant that needs longer leaves the fleet. */
const MAX_MS = 30 * 24 * 3_600_000;
/** Longest name of a tenant, in characters: that of a fleet file. */
const MAX_NAME = 63;

/** Puts a tenant into quarantine, or changes until when; returns the answer, or why it is refused. */
export function quarantine(
  { ledger }: LaneState,
  sent: { tenant: unknown; until: unknown },
  { by, reason }: { by: string; reason: string },
  now: number,
): { answer: string } | { refused: string } {
  const { tenant } = sent;
  if (!isText(tenant) || tenant.length > MAX_NAME) return { refused: NEEDS_TENANT('quarantine') };
  const until = isoOf(sent.until);
  const left = until === null ? 0 : Date.parse(until) - now;
  if (until === null || left <= 0 || left > MAX_MS)
    return {
      refused: 'quarantine refused: invalid until: expected a time in the next 30 days, e.g. "2026-11-25T08:00:00Z"',
    };
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
  if (!isText(tenant)) return { refused: NEEDS_TENANT('unquarantine') };
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

const NEEDS_TENANT = (verb: string) => `${verb} refused: it needs the name of a tenant, e.g. "tenant":"canary-2"`;
