import * as z from 'zod';
import { InvalidInput } from '../contract/brand.js';
import { parseToken } from '../contract/secret.js';
import { parseSlug } from '../contract/tenants/added.js';
import { parseOrigin } from '../tenants/fleet.js';
import { list } from './parsers.js';
import { duration, orNull, parsed, secret, setting, text } from './setting.js';

/** Which tenants there are. Every text is accepted here: the source checks it, so that its problems are reported with all others. */
export const FLEET_SETTINGS = {
  tenantUrls: setting(
    'CANARY_TENANT_URLS',
    'Origins of the canary tenants, separated by commas, spaces or newlines. Unset: no fleet.',
    parsed(list).prefault(''),
  ),
  adminTokens: secret(
    'CANARY_ADMIN_TOKENS',
    'Their admin tokens, paired with the URLs by position.',
    parsed(list).prefault(''),
  ),
  fleetFile: setting(
    'CANARY_FLEET_FILE',
    'Instead of both: a JSON file (`docs/fleet.schema.json`), read again for each release.',
    orNull(text),
  ),
  fleetUrl: setting(
    'CANARY_FLEET_URL',
    'Instead: an endpoint that answers the same JSON, asked again for each release. While it does not answer, its last fleet counts for a day, and reports say so.',
    orNull(text),
  ),
  fleetToken: secret('CANARY_FLEET_TOKEN', 'The Bearer token for that endpoint.', orNull(text)),
  fleetCommand: setting(
    'CANARY_FLEET_COMMAND',
    'Instead: a shell command that prints the same JSON, run again for each release, for 10 s at most. Its environment has no secret that `CANARY_FLEET_COMMAND_ENV` does not name.',
    orNull(text),
  ),
  fleetCommandEnv: setting(
    'CANARY_FLEET_COMMAND_ENV',
    'Variables that the command gets besides `PATH`, `HOME`, `USER`, `LANG`, `LC_ALL`, `TZ` and `TMPDIR`.',
    parsed(list).prefault(''),
  ),
  fleetSecrets: setting(
    'CANARY_FLEET_SECRETS',
    'What the JSON of an endpoint or a command may name as secrets: variables, and folders that begin with `/`. A file that it names is looked for in the first folder.',
    parsed(list).prefault(''),
  ),
  fleetControlPlane: setting(
    'CANARY_FLEET_CONTROL_PLANE',
    'Instead: `true` takes the canary orgs of the control plane (`CANARY_CP_BASE_URL`) with their admin tokens, asked again for each release.',
    orNull(text),
  ),
  productionFleetFile: setting(
    'CANARY_PROD_FLEET_FILE',
    'Production tenants to watch after a move: a file of the same form (tokens are optional), read again for each watch. Unset: production is not watched.',
    orNull(text),
  ),
};

/** @throws {InvalidInput} */
function parseControlPlane(given: string): string {
  const origin = parseOrigin(given.trim(), 'the token belongs in CANARY_CP_ADMIN_TOKEN');
  if (typeof origin === 'string') return origin;
  throw new InvalidInput(origin.problem.replace('canary-1.example.com', 'api.example.com'));
}

/** @throws {InvalidInput} */
function parseTenantUrl(given: string): string {
  const address = given.trim();
  const origin = parseOrigin(address.replaceAll('{slug}', 'canary-1'), 'the control plane gives the tokens');
  if (typeof origin !== 'string') throw new InvalidInput(origin.problem);
  if (!address.includes('{slug}')) throw new InvalidInput('has no {slug}: expected e.g. https://{slug}.example.com');
  return address;
}

/** How the control plane is reached, which makes canary tenants and knows them. */
export const CONTROL_PLANE_SETTINGS = {
  cpBaseUrl: setting(
    'CANARY_CP_BASE_URL',
    'The origin of the control plane, e.g. `https://api.example.com`: docs/canary-release.md. Unset: none.',
    orNull(parsed(parseControlPlane)),
  ),
  cpAdminToken: secret(
    'CANARY_CP_ADMIN_TOKEN',
    'Its admin token, sent with every call below `/cp/admin/`.',
    orNull(parsed(parseToken)),
  ),
  cpSharedSecret: secret(
    'CANARY_CP_SHARED_SECRET',
    'The token of its other calls (`POST /cp/orgs`, provision). Unset: they take the admin token.',
    orNull(parsed(parseToken)),
  ),
  cpTenantUrl: setting(
    'CANARY_CP_TENANT_URL',
    'The origin of a tenant, with `{slug}` in it. Unset: the `url` that the control plane answers; without one `https://{slug}.X` for a control plane at `api.X`, and `https://{slug}.staging.X` for one at `staging-api.X`.',
    orNull(parsed(parseTenantUrl)),
  ),
  delivery: setting(
    'CANARY_DELIVERY',
    'How production takes a build after a move: `auto-update` (each tenant pulls the tag), `tag` (other programs do, and no watch is started), or `control-plane` (the gate has it redeploy all tenants, after rollbacks too).',
    z
      .enum(['auto-update', 'tag', 'control-plane'], 'must be auto-update, tag or control-plane')
      .prefault('auto-update'),
  ),
  deliveryCanary: setting(
    'CANARY_DELIVERY_CANARY',
    'With `control-plane`: the slug of the tenant that is redeployed first.',
    orNull(parsed(parseSlug)),
  ),
  deliverySoakMs: setting(
    'CANARY_DELIVERY_SOAK',
    'With `control-plane`: how long that tenant runs before the others follow.',
    duration('60s'),
  ),
  deliveryBatch: setting(
    'CANARY_DELIVERY_BATCH',
    'With `control-plane`: how many tenants are redeployed at a time.',
    text
      .regex(/^[1-9]\d{0,2}$/, 'must be a whole number of 1 to 999')
      .prefault('3')
      .transform(Number),
  ),
  secretCommand: setting(
    'CANARY_SECRET_COMMAND',
    'A shell command that keeps the admin token of a tenant that `canary tenants add` adds: it reads the token from its standard input, and has `TENANT` and `SECRET_NAME` in its environment, e.g. `gh secret set "$SECRET_NAME"`. Unset: a file with mode 0600 beside the fleet file.',
    orNull(text),
  ),
  secretCommandEnv: setting(
    'CANARY_SECRET_COMMAND_ENV',
    'Variables that this command gets besides `PATH`, `HOME`, `USER`, `LANG`, `LC_ALL`, `TZ` and `TMPDIR`.',
    parsed(list).prefault(''),
  ),
};

type ControlPlaneSettings = {
  [Name in keyof typeof CONTROL_PLANE_SETTINGS]: z.output<(typeof CONTROL_PLANE_SETTINGS)[Name]>;
};

/** The settings of the control plane alone, even if another setting is invalid; null if one of them is. */
export const parseControlPlaneSettings = (texts: Record<string, string | undefined>): ControlPlaneSettings | null =>
  z.object(CONTROL_PLANE_SETTINGS).safeParse(texts).data ?? null;

/** Settings of the control plane that need one another.
 * @param hasProduction whether a production fleet is named: its tenants show whether a build was delivered. */
export function controlPlaneProblems(given: ControlPlaneSettings, hasProduction: boolean): string[] {
  const { secretCommand, secretCommandEnv } = given;
  const alone = secretCommand === null && secretCommandEnv.length > 0;
  return [
    ...(alone ? ['CANARY_SECRET_COMMAND_ENV is only for CANARY_SECRET_COMMAND: unset it'] : []),
    ...incomplete(given),
    ...deliveryProblems(given, hasProduction),
  ];
}

function deliveryProblems({ delivery, deliveryCanary, cpBaseUrl }: ControlPlaneSettings, hasProduction: boolean) {
  if (delivery === 'tag')
    return hasProduction
      ? ['CANARY_DELIVERY=tag starts no watch: unset CANARY_PROD_FLEET_FILE, or use auto-update']
      : [];
  const missing = [
    ...(cpBaseUrl === null ? ['CANARY_CP_BASE_URL'] : []),
    ...(deliveryCanary === null ? ['CANARY_DELIVERY_CANARY'] : []),
    ...(hasProduction ? [] : ['CANARY_PROD_FLEET_FILE']),
  ];
  return delivery === 'control-plane' && missing.length > 0
    ? [`CANARY_DELIVERY=control-plane needs ${missing.join(', ')}`]
    : [];
}

function incomplete({ cpBaseUrl, cpAdminToken, cpSharedSecret, cpTenantUrl }: ControlPlaneSettings): string[] {
  if (cpBaseUrl !== null)
    return cpAdminToken === null
      ? ['CANARY_CP_BASE_URL needs CANARY_CP_ADMIN_TOKEN, the token of its admin calls']
      : [];
  const others = [
    ...(cpAdminToken === null ? [] : ['CANARY_CP_ADMIN_TOKEN']),
    ...(cpSharedSecret === null ? [] : ['CANARY_CP_SHARED_SECRET']),
    ...(cpTenantUrl === null ? [] : ['CANARY_CP_TENANT_URL']),
  ];
  return others.length === 0 ? [] : [`${others.join(', ')} without CANARY_CP_BASE_URL: set it, or unset them`];
}

/** Names of the settings of fleets in `Config`. */
export type FleetSettingName = keyof typeof FLEET_SETTINGS;

/** The fleet settings alone, even if another setting is invalid. */
export const parseFleetSettings = (texts: Record<string, string | undefined>) => z.object(FLEET_SETTINGS).parse(texts);
