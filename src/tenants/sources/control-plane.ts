import { nullIfInvalid, shown } from '../../contract/brand.js';
import { parseSlug } from '../../contract/tenants/added.js';
import type { Org } from '../control-plane/answers.js';
import { type ControlPlane, ControlPlaneError } from '../control-plane/client.js';
import { FleetError, type FleetSource } from '../fleet.js';
import type { FileSources } from './file.js';
import { FleetSilent, MAX_COPY_AGE_MS, remoteFleet } from './remote.js';

const SETTING = 'CANARY_FLEET_CONTROL_PLANE';

/** Header by which the tenants of one control plane are told apart; its value is the id of the org. */
const ORG_HEADER = 'X-Molecule-Org-Id';

/** The canary orgs of the control plane, each with its admin token as it is now. */
export function controlPlaneFleet(controlPlane: ControlPlane, sources: FileSources): FleetSource {
  // Tokens of the fleet that was loaded last: they are never part of its text.
  let tokens: ReadonlyMap<string, string> = new Map();
  let notes: string[] = [];
  /** When each canary was a member last, epoch (ms). */
  const seen = new Map<string, number>();
  const load = async (signal: AbortSignal): Promise<string> => {
    try {
      const orgs = await controlPlane.orgs(signal);
      const members = membersOf(orgs);
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
      notes = notesOn(orgs, members, seen, Date.now());
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
  const options = {
    setting: SETTING,
    fixed: 'control-plane',
    problems: [],
    secrets: [],
    lookUp,
    notes: () => notes,
    load,
  };
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

/** Canaries that are no members, a line for each reason: one may be deleted and made again, and a build that was tested on less must say so.
 * @param seen when each was a member last; those of these orgs are added.
 * @param now epoch, ms. */
function notesOn(orgs: Org[], members: Org[], seen: Map<string, number>, now: number): string[] {
  for (const { slug } of members) seen.set(slug, now);
  for (const [slug, at] of seen) if (now - at >= MAX_COPY_AGE_MS) seen.delete(slug);
  const waiting = orgs.filter((org) => org.is_canary && !org.instance_status).map(({ slug }) => slug);
  const listed = new Set([...members.map(({ slug }) => slug), ...waiting]);
  const gone = [...seen.keys()].filter((slug) => !listed.has(slug));
  return [
    ...noteOf('the control plane has canary orgs without an instance, which test nothing', waiting),
    ...noteOf('in the last day the control plane had more canary orgs, which test nothing now', gone),
  ];
}

/** Most orgs that a note names. */
const MAX_NAMED = 5;

function noteOf(what: string, slugs: string[]): string[] {
  if (slugs.length === 0) return [];
  const names = slugs.slice(0, MAX_NAMED).map((slug) => nullIfInvalid(() => parseSlug(slug)) ?? shown(slug));
  const more = slugs.length > MAX_NAMED ? ` and ${slugs.length - MAX_NAMED} more` : '';
  return [`${what}: ${names.join(', ')}${more}`];
}
