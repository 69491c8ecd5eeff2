import type { ControlPlane } from '../control-plane/client.js';
import { FleetError, type FleetSource } from '../fleet.js';
import { commandFleet } from './command.js';
import { controlPlaneFleet } from './control-plane.js';
import { envFleet } from './env.js';
import { type FileSources, fileFleet } from './file.js';
import { urlFleet } from './url.js';

/** What the settings say of the canary fleet. */
export interface FleetSettings {
  tenantUrls: string[];
  fleetFile: string | null;
  fleetUrl: string | null;
  fleetCommand: string | null;
  fleetCommandEnv: string[];
  fleetSecrets: string[];
  fleetControlPlane: string | null;
  controlPlane: ControlPlane | null;
  /** The secrets as they are now. */
  tokens: () => string[];
  fleetToken: () => string | null;
}

/** The source of the canary fleet; null if none is set. */
export function fleetSource(given: FleetSettings, sources: FileSources): FleetSource | null {
  const { tenantUrls, fleetFile: file, fleetUrl: url, fleetCommand: command, fleetSecrets: secrets } = given;
  const lists = [
    ...(tenantUrls.length > 0 ? ['CANARY_TENANT_URLS'] : []),
    ...(given.tokens().length > 0 ? ['CANARY_ADMIN_TOKENS'] : []),
  ].join(' with ');
  const set = [
    ...(file === null ? [] : ['CANARY_FLEET_FILE']),
    ...(url === null ? [] : ['CANARY_FLEET_URL']),
    ...(command === null ? [] : ['CANARY_FLEET_COMMAND']),
    ...(given.fleetControlPlane === 'true' ? ['CANARY_FLEET_CONTROL_PLANE'] : []),
    ...(lists === '' ? [] : [lists]),
  ];
  const problems = [
    ...(set.length > 1 ? [`${set.join(', ')}: a gate has one canary fleet (keep one of them)`] : []),
    ...unused(given),
    ...controlPlaneProblems(given),
  ];
  if (problems.length > 0) return unusable(problems);
  if (given.fleetControlPlane === 'true' && given.controlPlane !== null)
    return controlPlaneFleet(given.controlPlane, sources);
  if (url !== null) return urlFleet({ url, token: given.fleetToken, secrets }, sources);
  if (command !== null) return commandFleet({ command, passed: given.fleetCommandEnv, secrets }, sources);
  if (file === null) return set.length > 0 ? envFleet(tenantUrls, given.tokens, sources.network) : null;
  return fileFleet(
    { file, setting: 'CANARY_FLEET_FILE', unnamed: 'canary', needsToken: true, check: () => [] },
    sources,
  );
}

/** Settings that only another source reads. */
function unused({ fleetUrl, fleetToken, fleetCommand, fleetCommandEnv, fleetSecrets }: FleetSettings): string[] {
  const isElsewhere = fleetUrl !== null || fleetCommand !== null;
  return [
    ...(fleetUrl === null && fleetToken() !== null
      ? ['CANARY_FLEET_TOKEN is only for CANARY_FLEET_URL: unset it']
      : []),
    ...(fleetCommand === null && fleetCommandEnv.length > 0
      ? ['CANARY_FLEET_COMMAND_ENV is only for CANARY_FLEET_COMMAND: unset it']
      : []),
    ...(!isElsewhere && fleetSecrets.length > 0
      ? ['CANARY_FLEET_SECRETS is only for CANARY_FLEET_URL and CANARY_FLEET_COMMAND: unset it']
      : []),
  ];
}

function controlPlaneProblems({ fleetControlPlane: flag, controlPlane }: FleetSettings): string[] {
  if (flag !== null && flag !== 'true' && flag !== 'false')
    return ['CANARY_FLEET_CONTROL_PLANE: must be true or false'];
  if (flag !== 'true' || controlPlane !== null) return [];
  return ['CANARY_FLEET_CONTROL_PLANE needs CANARY_CP_BASE_URL and CANARY_CP_ADMIN_TOKEN'];
}

function unusable(problems: string[]): FleetSource {
  return { fixed: null, read: () => Promise.reject(new FleetError(problems)) };
}

/** The source of the production fleet; null if none is configured. */
export function productionFleetSource(file: string | null, sources: FileSources): FleetSource | null {
  if (file === null) return null;
  const check = (tenants: number) => (tenants > 0 ? [] : ['names no tenant: unset it']);
  return fileFleet(
    { file, setting: 'CANARY_PROD_FLEET_FILE', unnamed: 'production', needsToken: false, check },
    sources,
  );
}
