import { parseToken } from '../../contract/secret.js';
import { type JudgeAccess, judgeAccess } from '../../smoke/kinds/judge.js';
import { type ControlPlane, createControlPlane } from '../../tenants/control-plane/client.js';
import { createMembers, type Members } from '../../tenants/control-plane/members.js';
import { FleetError, type FleetSource } from '../../tenants/fleet.js';
import { readsOthers } from '../../tenants/other-tenants.js';
import type { FileSources } from '../../tenants/sources/file.js';
import { fleetSource, productionFleetSource } from '../../tenants/sources/index.js';
import { controlPlaneProblems, parseControlPlaneSettings, parseFleetSettings } from '../fleet-settings.js';
import { list } from '../parsers.js';
import type { Settings } from '../schema.js';
import { current } from './current.js';

/** Texts of the settings, by their names. */
type Texts = Record<string, string | undefined>;

/** What is configured of tenants, and how they are judged. */
export interface Tenants {
  fleet: FleetSource | null;
  productionFleet: FleetSource | null;
  controlPlane: ControlPlane | null;
  membersOf: (settings: Pick<Settings, 'fleetFile' | 'secretCommand' | 'secretCommandEnv'>) => Members | null;
  judgingOf: (suiteFile: string | null) => JudgeAccess;
  problems: string[];
  /** Those of the fleets, which do not stop a worker. */
  fleetProblems: string[];
}

export async function readTenants(texts: Texts, sources: FileSources): Promise<Tenants> {
  const { adminTokens, productionFleetFile, fleetToken, ...fleetSettings } = parseFleetSettings(texts);
  const { network } = sources;
  const problems: string[] = [];
  const tokens = current('CANARY_ADMIN_TOKENS', adminTokens, list, sources);
  const token = current<string | null>('CANARY_FLEET_TOKEN', fleetToken, parseToken, sources);
  const controlPlane = readControlPlane(texts, productionFleetFile !== null, problems, sources);
  const fleet = fleetSource({ ...fleetSettings, tokens, fleetToken: token, controlPlane }, sources);
  const productionFleet = productionFleetSource(productionFleetFile, sources);
  const others = readsOthers({ fleet, productionFleet, network });
  return {
    fleet,
    productionFleet,
    controlPlane,
    membersOf: (settings) => membersOf(settings, sources),
    judgingOf: (suiteFile) => judgeAccess(suiteFile, { ...sources, others }),
    problems,
    fleetProblems: [...(await problemsOf(fleet)), ...(await problemsOf(productionFleet))],
  };
}

function readControlPlane(
  texts: Texts,
  hasProduction: boolean,
  problems: string[],
  sources: FileSources,
): ControlPlane | null {
  const given = parseControlPlaneSettings(texts);
  if (given === null) return null;
  problems.push(...controlPlaneProblems(given, hasProduction));
  const { cpBaseUrl: baseUrl, cpAdminToken, cpSharedSecret, cpTenantUrl: tenantUrl } = given;
  if (baseUrl === null || cpAdminToken === null) return null;
  const adminToken = current('CANARY_CP_ADMIN_TOKEN', cpAdminToken, parseToken, sources);
  const shared = current<string | null>('CANARY_CP_SHARED_SECRET', cpSharedSecret, parseToken, sources);
  return createControlPlane({ baseUrl, adminToken, sharedSecret: shared, tenantUrl, network: sources.network });
}

function membersOf(
  { fleetFile: file, secretCommand, secretCommandEnv }: Parameters<Tenants['membersOf']>[0],
  sources: FileSources,
): Members | null {
  return file === null ? null : createMembers({ file, command: secretCommand, passed: secretCommandEnv }, sources);
}

async function problemsOf(source: FleetSource | null): Promise<string[]> {
  if (source?.problems) return source.problems();
  try {
    await source?.read();
    return [];
  } catch (error) {
    if (error instanceof FleetError) return error.problems;
    throw error;
  }
}
