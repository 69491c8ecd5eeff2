import type { Config } from '../config/schema.js';
import type { PlannedTenant } from '../contract/release.js';
import { type TenantBuild, whyUnreported } from '../contract/tenants/build.js';
import { LIVENESS_WAITS, livenessOf } from '../smoke/default-suite.js';
import { smokeTenant } from '../smoke/smoke-tenant.js';
import type { Suite } from '../smoke/suite.js';
import { askBuilds, tellsBuild } from '../tenants/ask-build.js';
import type { Fleet } from '../tenants/fleet.js';
import type { Finding } from './finding.js';
import { runCheck } from './look.js';

/** `checkSettings` has just asked a fleet from elsewhere, in milliseconds. */
const FRESH_MS = 60_000;

const HELD = 'releases will be held';
const REPORT_FIX = 'let it report a build where CANARY_BUILD_PROBE looks';

/** Whether each tenant is alive, by the first check of the suite that writes nothing, and which build it reports. */
export async function checkTenants(
  { config, suite }: { config: Config; suite: Suite },
  signal: AbortSignal,
): Promise<Finding[]> {
  const fleet = (await config.fleet?.read(signal, FRESH_MS)) ?? { tenants: [], access: new Map() };
  const [liveness, builds] = await Promise.all([
    Promise.all(fleet.tenants.map((tenant) => checkTenant(tenant, fleet, suite, signal))),
    runCheck({ area: 'tenants', name: 'builds', fix: REPORT_FIX }, signal, async (inner) =>
      buildFindings(fleet, config, await askBuilds(fleet.tenants, config.buildProbe, fleet.access, inner)),
    ),
  ]);
  return [...liveness.flat(), ...builds];
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

function buildFindings({ tenants }: Fleet, { buildProbe }: Config, builds: TenantBuild[]): Finding[] {
  // A tenant without a build probe is configured so: not a finding.
  const names = tenants.filter((one) => tellsBuild(one, buildProbe)).map(({ name }) => name);
  const probed = builds.filter(({ tenant }) => names.includes(tenant));
  const unreported = probed.filter(({ build }) => build === null);
  const reported = probed.flatMap(({ tenant, build }): Finding[] =>
    build === null ? [] : [{ area: 'tenants', level: 'ok', what: `${tenant} reports build ${build}` }],
  );
  const why = unreported.map((one) => `${one.tenant}: ${whyUnreported(one)}`).join('; ');
  if (unreported.length > 0 && reported.length === 0)
    return [{ area: 'tenants', level: 'stops', what: `${HELD}: no tenant reports a build (${why})`, fix: REPORT_FIX }];
  return [
    ...reported,
    ...unreported.map(
      (one): Finding => ({
        area: 'tenants',
        level: 'stops',
        what: `${HELD}: ${one.tenant} reports no build (${whyUnreported(one)})`,
        fix: REPORT_FIX,
      }),
    ),
  ];
}
