import { InvalidInput } from '../contract/brand.js';
import type { Plan, ReleaseInput } from '../contract/release.js';
import {
  describeQuarantine,
  type FleetRules,
  type Quarantine,
  withoutQuarantined,
} from '../contract/tenants/quarantine.js';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { type Fleet, notesOf } from '../tenants/fleet.js';
import type { Config } from './schema.js';

/** How long transient faults are retried before a release is held, in milliseconds. Tests shorten it. */
export const RETRY_BUDGET_MS: Plan['retryBudgetMs'] = {
  registry: 15 * 60_000,
  secret: 5 * 60_000,
  smoke: 3 * 60_000,
};

/** The plan of one release. Input can only be stricter than the configuration; `force` lifts that and requires an approval. A soak lasts at least one update cycle.
 * @throws {InvalidInput} a shorter soak without `force`; {FleetError}, {FleetUnreadable} */
export async function planRelease(
  config: Config,
  input: Pick<ReleaseInput, 'soak' | 'force' | 'approval'>,
  retryBudgetMs = RETRY_BUDGET_MS,
  signal?: AbortSignal,
  quarantines: Quarantine[] = [],
): Promise<Plan> {
  const soakMs = input.soak === undefined ? config.soakMs : parseDuration(input.soak);
  const isShorter = soakMs < config.soakMs;
  if (isShorter && !input.force)
    throw new InvalidInput(
      `soak ${input.soak} is shorter than the configured ${formatDuration(config.soakMs)}: that needs force and a reason`,
    );
  const fleet = await config.fleet?.read(signal);
  return {
    images: config.images,
    ...(config.optionalImages.length > 0 && { optional: config.optionalImages }),
    tenants: withoutQuarantined(fleet?.tenants ?? [], quarantines),
    buildProbe: config.buildProbe,
    soakMs: Math.max(soakMs, config.updateCycleMs),
    soakProbeMs: config.soakProbeMs,
    pollMs: config.pollMs,
    updateTimeoutMs: config.updateTimeoutMs,
    approval: input.force || input.approval === 'required' ? 'required' : config.approval,
    holdTimeoutMs: config.holdTimeoutMs,
    holdGraceMs: config.holdGraceMs,
    ...(config.canaryTag && { tag: config.canaryTag }),
    retryBudgetMs,
    ...(config.payloadKeyFile !== null && { hidesTenants: true }),
    ...identityRules(config),
    ...fleetRules(config, fleet ?? null, quarantines),
  };
}

/** A configured fleet without a tenant is not a missing one: its minimum counts, and no approval passes below it. */
function fleetRules({ minTenants }: Config, fleet: Fleet | null, quarantines: Quarantine[]): FleetRules {
  if (fleet === null) return {};
  const left = quarantines.filter(({ tenant }) => fleet.tenants.some(({ name }) => name === tenant));
  const notes = [...notesOf(fleet), ...left.map(describeQuarantine)];
  const isLasting = !fleet.copy && left.length === 0;
  return { minTenants, ...(notes.length > 0 && { fleetNotes: notes, ...(isLasting && { keepsFleet: true }) }) };
}

/** Who may approve and promote; absent, as far as the configuration has no rule. */
function identityRules({ fourEyes, approvers, requireVerified }: Config): Pick<Plan, 'approvers' | 'promoteVerified'> {
  const verified = requireVerified.includes('approve');
  return {
    ...((fourEyes || approvers !== null || verified) && {
      approvers: { fourEyes, approvers, ...(verified && { verified }) },
    }),
    ...(requireVerified.includes('promote') && { promoteVerified: true }),
  };
}
