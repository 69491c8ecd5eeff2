import type { Org } from '../control-plane/answers.js';
import { type ControlPlane, ControlPlaneError } from '../control-plane/client.js';
import { FleetError, type FleetSource } from '../fleet.js';
import type { FileSources } from './file.js';
import { FleetSilent, remoteFleet } from './remote.js';

const SETTING = 'CANARY_FLEET_CONTROL_PLANE';

/** Header by which the tenants of one control plane are told apart; its value is the id of the org. */
const ORG_HEADER = 'X-Molecule-Org-Id';

/** The canary orgs of the control plane, each with its admin token as it is now. */
export function controlPlaneFleet(controlPlane: ControlPlane, sources: FileSources): FleetSource {
  // Tokens of the fleet that was loaded last: they are never part of its text.
  let tokens: ReadonlyMap<string, string> = new Map();
  const load = async (signal: AbortSignal): Promise<string> => {
    try {
      const members = membersOf(await controlPlane.orgs(signal));
      const loaded = await Promise.all(
        members.map(async (org) => {
          const origin = controlPlane.originOf(org);
          const token = await controlPlane.adminToken(controlPlane.slugOf(org), { signal }).catch((error: unknown) => {
            // An instance that failed may have none; it stays a member until a person takes it out.
            const isGone = error instanceof ControlPlaneError && error.kind === 'refused';
            throw isGone ? new FleetSilent(`${org.slug} is ${org.instance_status}, and has no token`) : error;
          });
          return [org, origin, token] as const;
        }),
      );
      tokens = new Map(loaded.map(([{ slug }, , token]) => [slug, token]));
      const tenants = loaded.map(([{ id, slug }, url]) => ({
        name: slug,
        url,
        token: { file: slug },
        headers: { [ORG_HEADER]: id },
      }));
      return JSON.stringify({ tenants });
    } catch (error) {
      if (signal.aborted) throw new FleetSilent('no answer in time');
      if (!(error instanceof ControlPlaneError)) throw error;
      if (error.kind === 'silent') throw new FleetSilent(error.message);
      throw new FleetError([`${SETTING}: ${error.message}`]);
    }
  };
  const lookUp = (source: { env: string } | { file: string }) => ('file' in source ? tokens.get(source.file) : '');
  const options = { setting: SETTING, fixed: 'control-plane', problems: [], secrets: [], lookUp, load };
  return remoteFleet({ ...options, isLocal: controlPlane.isLocal }, sources);
}

/** Canary orgs with an instance. One whose instance is on its way makes the list incomplete: then the copy counts, which is named. */
function membersOf(orgs: Org[]): Org[] {
  const unknown = orgs.findIndex(({ is_canary }) => is_canary === undefined);
  if (unknown >= 0)
    throw new FleetError([`${SETTING}: control plane: GET /cp/admin/orgs: orgs[${unknown}].is_canary is missing`]);
  const canaries = orgs.filter(({ is_canary, instance_status }) => is_canary && instance_status);
  const coming = canaries.filter(({ instance_status: status }) => status !== 'running' && status !== 'failed');
  if (coming.length > 0)
    throw new FleetSilent(`${coming.map(({ slug, instance_status }) => `${slug} is ${instance_status}`).join(', ')}`);
  return canaries;
}
