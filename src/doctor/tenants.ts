import type { Config } from '../config/schema.js';
import type { PlannedTenant } from '../contract/release.js';
import { type TenantBuild, whyUnreported } from '../contract/tenants/build.js';
import {
  activeQuarantines,
  describeQuarantine,
  type Quarantine,
  withoutQuarantined,
} from '../contract/tenants/quarantine.js';
import { oneLine } from '../domain/markdown.js';
import { unlessAborted, withDeadline } from '../net/deadline.js';
import { LIVENESS_WAITS, livenessOf } from '../smoke/default-suite.js';
import { smokeTenant } from '../smoke/smoke-tenant.js';
import type { Suite } from '../smoke/suite.js';
import { askBuilds, tellsBuild } from '../tenants/ask-build.js';
import { type Fleet, notesOf } from '../tenants/fleet.js';
import type { Finding } from './finding.js';
import type { ReadState } from './latest.js';
import { runCheck } from './look.js';

/** `checkSettings` has just asked a fleet from elsewhere, in milliseconds. */
const FRESH_MS = 60_000;

/** Limit of the question for quarantines, in milliseconds: shorter than a check, which waits for it. */
const LANE_MS = 5_000;

const HELD = 'releases will be held';
const REPORT_FIX = 'let it report a build where CANARY_BUILD_PROBE looks';

/** Whether enough tenants are left to test a build, whether each is alive, by the first check of the suite that writes nothing, and which build
 * it reports. What is wrong with one in quarantine stops no release. */
export async function checkTenants(
  { config, suite }: { config: Config; suite: Suite },
  read: ReadState,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (config.fleet === null) return [];
  const fleet = await config.fleet.read(signal, FRESH_MS);
  const asked = quarantinesIn(fleet, read, signal);
  const [quarantines, liveness, builds] = await Promise.all([
    asked,
    Promise.all(fleet.tenants.map(async (one) => ({ one, found: await checkTenant(one, fleet, suite, signal) }))),
    runCheck({ area: 'tenants', name: 'builds', fix: REPORT_FIX }, signal, async (inner) => {
      const reported = await askBuilds(fleet.tenants, config.buildProbe, fleet.access, inner);
      return buildFindings(fleet, config, reported, await asked);
    }),
  ]);
  return [
    ...notesOf(fleet).map((what): Finding => ({ area: 'tenants', level: 'warning', what })),
    ...membershipFindings(fleet, config, quarantines),
    ...liveness.flatMap(({ one, found }) => (isAside(one.name, quarantines) ? found.map(asWarning) : found)),
    ...builds,
  ];
}

/** Quarantines of tenants of the fleet. A lane that cannot be read names none, as for a release. */
async function quarantinesIn({ tenants }: Fleet, read: ReadState, signal: AbortSignal): Promise<Quarantine[]> {
  const state = await withDeadline(LANE_MS, signal, (inner) => unlessAborted(read(), inner)).catch(() => null);
  const active = state ? activeQuarantines(state.ledger, Date.now()) : [];
  return active.filter(({ tenant }) => tenants.some(({ name }) => name === tenant));
}

const isAside = (name: string, quarantines: Quarantine[]) => quarantines.some(({ tenant }) => tenant === name);

const asWarning = (finding: Finding): Finding =>
  finding.level === 'stops' ? { ...finding, level: 'warning' } : finding;

const unquarantine = (tenant: string) => `canary tenants unquarantine ${tenant} --reason …`;

/** Who is set aside, and whether that leaves too few. */
function membershipFindings({ tenants }: Fleet, { minTenants }: Config, quarantines: Quarantine[]): Finding[] {
  const aside = quarantines.map(
    (one): Finding => ({
      area: 'tenants',
      level: 'note',
      what: oneLine(describeQuarantine(one)),
      fix: `${unquarantine(one.tenant)}, once it is well`,
    }),
  );
  const left = withoutQuarantined(tenants, quarantines).length;
  if (left >= minTenants) return aside;
  const back = quarantines.map(({ tenant }) => unquarantine(tenant));
  const fix = [...back, 'add a canary tenant', ...(left > 0 ? ['lower CANARY_MIN_TENANTS'] : [])].join(', or ');
  const what = `${HELD}: ${left} of at least ${minTenants} tenants can test a build`;
  return [...aside, { area: 'tenants', level: 'stops', what, fix }];
}

function checkTenant(tenant: PlannedTenant, fleet: Fleet, suite: Suite, signal: AbortSignal): Promise<Finding[]> {
  const { name, origin } = tenant;
  const fix = 'check that it is up and that its admin token is valid; canary smoke shows details';
  return runCheck({ area: 'tenants', name, fix }, signal, async (inner) => {
    const access = fleet.access.get(origin) ?? { token: '', headers: {} };
    const { checks } = await smokeTenant(tenant, access, {
      suite: livenessOf(suite, access),
      waits: LIVENESS_WAITS,
      signal: inner,
    });
    return checks.map(
      ({ check, verdict, got }): Finding =>
        verdict === 'pass'
          ? { area: 'tenants', level: 'ok', what: `${name}: ${check}` }
          : { area: 'tenants', level: 'stops', what: `${name}: ${check}: no, but ${got}`, fix },
    );
  });
}

function buildFindings(
  { tenants }: Fleet,
  { buildProbe }: Config,
  builds: TenantBuild[],
  quarantines: Quarantine[],
): Finding[] {
  // A tenant without a build probe is configured so: not a finding.
  const names = tenants.filter((one) => tellsBuild(one, buildProbe)).map(({ name }) => name);
  const probed = builds.filter(({ tenant }) => names.includes(tenant));
  const members = probed.filter(({ tenant }) => !isAside(tenant, quarantines));
  const silent = members.filter(({ build }) => build === null);
  const why = silent.map((one) => `${one.tenant}: ${whyUnreported(one)}`).join('; ');
  const stopping =
    silent.length > 0 && silent.length === members.length
      ? [`no tenant reports a build (${why})`]
      : silent.map(describeSilent);
  const finding = (level: Finding['level'], what: string): Finding => ({
    area: 'tenants',
    level,
    what,
    fix: REPORT_FIX,
  });
  return [
    ...probed.flatMap(({ tenant, build }): Finding[] =>
      build === null ? [] : [{ area: 'tenants', level: 'ok', what: `${tenant} reports build ${build}` }],
    ),
    ...stopping.map((what) => finding('stops', `${HELD}: ${what}`)),
    ...probed
      .filter(({ tenant, build }) => build === null && isAside(tenant, quarantines))
      .map((one) => finding('warning', describeSilent(one))),
  ];
}

const describeSilent = (one: TenantBuild) => `${one.tenant} reports no build (${whyUnreported(one)})`;
