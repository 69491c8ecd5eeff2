import type { Config } from '../config/config.js';
import type { PlannedTenant, TenantBuild } from '../contract/release.js';
import { LIVENESS_WAITS, livenessOf } from '../smoke/liveness.js';
import { smokeTenant } from '../smoke/smoke-tenant.js';
import type { Suite } from '../smoke/suite.js';
import { askBuilds, tellsBuild } from '../tenants/ask-build.js';
import type { Fleet } from '../tenants/fleet.js';
import type { Finding } from './finding.js';
import { look } from './look.js';

const HELD = 'releases will be held';
const REPORT = 'let it report a build where CANARY_BUILD_PROBE looks';

/** Whether each tenant is alive, by the first check of the suite that writes nothing, and which build it reports. */
export async function lookAtTenants(
  { config, suite }: { config: Config; suite: Suite },
  signal: AbortSignal,
): Promise<Finding[]> {
  const fleet = config.readFleet();
  const alive = livenessOf(suite);
  const [lives, builds] = await Promise.all([
    Promise.all(fleet.tenants.map((tenant) => lookAtTenant(tenant, fleet, alive, signal))),
    look({ area: 'tenants', name: 'builds', mend: REPORT }, signal, async (inner) =>
      buildFindings(fleet, config, await askBuilds(fleet.tenants, config.buildProbe, fleet.access, inner)),
    ),
  ]);
  return [...lives.flat(), ...builds];
}

function lookAtTenant(tenant: PlannedTenant, fleet: Fleet, suite: Suite, signal: AbortSignal): Promise<Finding[]> {
  const { name, origin } = tenant;
  const mend = 'canary smoke tells more; is it up, and its admin token right?';
  return look({ area: 'tenants', name, mend }, signal, async (inner) => {
    const access = fleet.access.get(origin) ?? { token: '', headers: {} };
    const { checks } = await smokeTenant(tenant, access, { suite, waits: LIVENESS_WAITS, signal: inner });
    return checks.map(
      ({ check, verdict, got }): Finding =>
        verdict === 'pass'
          ? { area: 'tenants', level: 'ok', what: `${name}: ${check}` }
          : { area: 'tenants', level: 'stops', what: `${name}: ${check}: no, but ${got}`, mend },
    );
  });
}

function buildFindings({ tenants }: Fleet, { buildProbe }: Config, builds: TenantBuild[]): Finding[] {
  // That a probe is none is configured, not found.
  const asked = builds.filter((_, index) => tenants[index] && tellsBuild(tenants[index], buildProbe));
  const silent = asked.filter(({ build }) => build === null);
  const told = asked.flatMap(({ tenant, build }): Finding[] =>
    build === null ? [] : [{ area: 'tenants', level: 'ok', what: `${tenant} reports build ${build}` }],
  );
  const why = silent.map(({ tenant, why }) => `${tenant}: ${why}`).join('; ');
  if (silent.length > 0 && told.length === 0)
    return [{ area: 'tenants', level: 'stops', what: `${HELD}: no tenant reports a build (${why})`, mend: REPORT }];
  return [
    ...told,
    ...silent.map(
      ({ tenant, why }): Finding => ({
        area: 'tenants',
        level: 'stops',
        what: `${HELD}: ${tenant} reports no build (${why})`,
        mend: REPORT,
      }),
    ),
  ];
}
