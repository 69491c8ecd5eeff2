import { loadConfig, loadGateConfig } from '../../../config/load.js';
import { type Config, ConfigError, readSetting } from '../../../config/schema.js';
import { InvalidInput, shown } from '../../../contract/brand.js';
import type { PlannedTenant } from '../../../contract/release.js';
import { whyUnreported } from '../../../contract/tenants/build.js';
import { verdictOf } from '../../../contract/tenants/check.js';
import { judgingNow, smokeFleet } from '../../../smoke/smoke-tenant.js';
import { withClient } from '../../../temporal/connect.js';
import { tenantRecords } from '../../../temporal/records/tenants.js';
import { askBuilds } from '../../../tenants/ask-build.js';
import { type Fleet, notesOf } from '../../../tenants/fleet.js';
import { removeFromFleetFile } from '../../../tenants/rewrite-file.js';
import { type Given, type Io, textOption, wantsJson } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { askOf, confirm, laneFrom } from '../../identity.js';
import { printSummary, printTenant, smokeData } from '../../print/smoke.js';
import { type TenantNow, tenantLines, tenantPage } from '../../print/tenants.js';

/** Prints all tenants, or the page of one. */
export async function showTenants(name: string | null, given: Given, io: Io): Promise<number> {
  const limit = textOption(given, 'releases') ?? '10';
  if (!/^[1-9]\d{0,2}$/.test(limit)) throw new InvalidInput(`--releases must be 1 to 999, got ${limit}`);
  const config = await loadConfig(io.env, undefined, 'smoke');
  const fleet = await fleetOf(config, io);
  const tenants = name === null ? fleet.tenants : [memberOf(fleet, name)];
  const names = tenants.map((one) => one.name);
  const [builds, records] = await Promise.all([
    askBuilds(tenants, config.buildProbe, fleet.access, io.signal),
    withClient(io.env, (client) => tenantRecords(client, laneFrom(io), names, Number(limit))),
  ]);
  const all = builds.map((seen): TenantNow => {
    const { tenant, build } = seen;
    const { quarantine = null, releases = [] } = records.get(tenant) ?? {};
    return { tenant, build, why: build === null ? whyUnreported(seen) : null, quarantine, releases };
  });
  for (const note of notesOf(fleet)) io.err(`canary: ${note}`);
  const [first] = all;
  if (wantsJson(given)) io.out(JSON.stringify(name === null ? all : first));
  else for (const line of name === null || !first ? tenantLines(all) : tenantPage(first)) io.out(line);
  return EXIT.done;
}

/** Asks one tenant for its build and runs the smoke suite on it. */
export async function checkTenant(name: string, given: Given, io: Io): Promise<number> {
  const { config, suite } = await loadGateConfig(io.env, 'smoke');
  const fleet = await fleetOf(config, io);
  const tenant = memberOf(fleet, name);
  const access = fleet.access.get(tenant.origin) ?? { token: '', headers: {} };
  const [[seen], results] = await Promise.all([
    askBuilds([tenant], config.buildProbe, fleet.access, io.signal),
    smokeFleet([{ ...tenant, access }], {
      suite,
      judging: judgingNow(config),
      waits: { suiteMs: config.smokeTimeoutMs },
      signal: io.signal,
    }),
  ]);
  const build = seen?.build ?? null;
  if (wantsJson(given)) io.out(JSON.stringify({ ...smokeData(results, [tenant]), build }));
  else {
    for (const one of results) printTenant(one, tenant.origin, io);
    io.out(build === null ? `  reports no build (${whyUnreported(seen ?? {})})` : `  reports build ${build}`);
    printSummary(results, io);
  }
  return { pass: EXIT.done, fail: EXIT.refused, 'could-not-test': EXIT.fault }[verdictOf(results)];
}

/** Takes a tenant out of the fleet file; the old file stays beside it. */
export async function removeTenant(name: string, given: Given, io: Io): Promise<number> {
  const file = readSetting(io.env, 'fleetFile');
  if (file === null)
    throw new ConfigError(['tenants remove needs CANARY_FLEET_FILE: other fleets change at their source']);
  const fleet = await fleetOf(await loadConfig(io.env, undefined, 'smoke'), io);
  memberOf(fleet, name);
  const least = readSetting(io.env, 'minTenants');
  const left = fleet.tenants.length - 1;
  if (left < least)
    io.err(`canary: ${left} tenants are left, less than CANARY_MIN_TENANTS=${least}: releases will be held`);
  const ask = askOf(given, io);
  if (ask && !(await confirm(ask, `Take ${name} out of ${file}?`))) {
    io.err('canary: nothing was removed');
    return EXIT.refused;
  }
  const kept = await removeFromFleetFile(file, name, io.signal);
  if (wantsJson(given)) io.out(JSON.stringify({ removed: name, tenants: left, file, kept }));
  else io.out(`${name} is no longer in ${file}: ${left} tenants are left; the file before is ${kept}`);
  return EXIT.done;
}

/** Refuses a name that the fleet of this machine does not have. Where it has no fleet, or cannot read it now, any name is taken: a sick tenant must not wait. */
export async function requireMember(name: string, io: Io): Promise<void> {
  const config = await loadConfig(io.env, undefined, 'smoke').catch(() => null);
  const fleet = await config?.fleet?.read(io.signal).catch(() => null);
  if (fleet && fleet.tenants.length > 0) memberOf(fleet, name);
  else io.err(`canary: no canary fleet can be read on this machine: ${name} is not compared with its members`);
}

async function fleetOf({ fleet }: Config, io: Io): Promise<Fleet> {
  const read = await fleet?.read(io.signal);
  if (!read) throw new ConfigError(['no canary fleet is configured: set CANARY_FLEET_FILE, or CANARY_TENANT_URLS']);
  if (read.tenants.length === 0) throw new ConfigError(['CANARY_FLEET_FILE names no tenant: canary tenants add']);
  return read;
}

function memberOf({ tenants }: Fleet, name: string): PlannedTenant {
  const found = tenants.find((one) => one.name === name);
  if (found) return found;
  throw new InvalidInput(`no canary tenant ${shown(name)}: expected ${tenants.map((one) => one.name).join(', ')}`);
}
