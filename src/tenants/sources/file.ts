import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InvalidInput, shown } from '../../contract/brand.js';
import type { PlannedTenant } from '../../contract/release.js';
import type { Access } from '../../smoke/session.js';
import { parseBuildProbe } from '../ask-build.js';
import { type FoundFleet, isHeaderText, NO_HEADER_TEXT, parseOrigin } from '../fleet.js';

/** Where the text of a secret is, which is never in the file itself. */
const SOURCE = z
  .union(
    [
      z
        .strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) })
        .meta({ description: 'An environment variable of the worker' }),
      z
        .strictObject({ file: z.string().min(1) })
        .meta({ description: 'A file; relative to the folder of the fleet file' }),
    ],
    'has to be { "env": "NAME" } or { "file": "PATH" }: a fleet file holds no secret',
  )
  .meta({ description: 'Where the secret is; its trailing newline does not count' });

/** The fleet file; published as docs/fleet.schema.json. */
export const FLEET_FILE = z
  .strictObject(
    {
      $schema: z.string('has to be a text').optional(),
      tenants: z
        .array(
          z.strictObject(
            {
              name: z
                .string('has to be a text, e.g. canary-eu')
                .regex(
                  /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
                  'has to be up to 63 letters, digits, dots, dashes and underscores, e.g. canary-eu',
                )
                .optional()
                .meta({
                  description:
                    'What reports call it, the public ones too; canary-1, canary-2, ... by position without it',
                }),
              url: z
                .string('is missing, e.g. https://canary-1.example.com')
                .meta({ description: 'Its origin: https, or http to this machine' }),
              token: SOURCE.meta({ description: 'The admin token' }),
              headers: z
                .record(
                  z.string(),
                  z.union([z.string(), SOURCE], 'has to be a text, { "env": "NAME" } or { "file": "PATH" }'),
                  'has to be names and values',
                )
                .optional()
                .meta({ description: 'Sent with every request, and kept secret, e.g. X-Molecule-Org-Id' }),
              buildProbe: z.string('has to be a text, e.g. /health#sha').optional().meta({
                description: 'Where it tells its build, e.g. /health#sha, or none; CANARY_BUILD_PROBE without it',
              }),
            },
            objectError('has to be a tenant: url, token, and what else there is to say'),
          ),
          'is missing: an array of tenants',
        )
        .meta({ description: 'The canary tenants' }),
    },
    objectError('has to be an object, e.g. { "tenants": [] }'),
  )
  .meta({ title: 'Canary fleet', description: 'The tenants of CANARY_FLEET_FILE, read anew for each release' });

type Entry = z.infer<typeof FLEET_FILE>['tenants'][number];

/** Headers that the gate sets itself, or that would let in a request which has to be a stranger's. */
const OWN =
  /^(?:authorization|proxy-authorization|cookie|origin|referer|host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept|accept-encoding)$/i;
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export interface FleetSources {
  env: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => string;
}

/**
 * Reads the fleet file `path` and every secret that it names. All that is wrong is a problem, none has the text of a secret.
 * @param unnamed what a tenant without a name is called, with its position behind it.
 */
export function readFleetFile(path: string, sources: FleetSources, unnamed = 'canary'): FoundFleet {
  const access = new Map<string, Access>();
  const tenants: PlannedTenant[] = [];
  const parsed = parseFile(path, sources.readFile);
  if ('problems' in parsed) return { tenants, access, problems: parsed.problems };
  const problems: string[] = [];
  parsed.tenants.forEach((entry, index) => {
    const name = entry.name ?? `${unnamed}-${index + 1}`;
    const say = (problem: string) => problems.push(`tenants[${index}] (${name}): ${problem}`);
    const origin = parseOrigin(entry.url, 'the token belongs in "token"');
    if (tenants.some((tenant) => tenant.name === name)) say('its name is there twice');
    if (typeof origin !== 'string') say(`url ${origin.problem}`);
    else if (access.has(origin)) say(`url is there twice: ${origin}`);
    const read = (what: string, source: string | z.infer<typeof SOURCE>) =>
      readSource(path, what, source, sources, say);
    const token = read('token', entry.token);
    const headers = Object.entries(entry.headers ?? {}).map(([header, value]) => {
      if (!HEADER.test(header)) say(`headers: ${shown(header)} is no name of a header`);
      else if (OWN.test(header)) say(`headers: ${header} is the gate's own to send`);
      return [header, read(`headers.${header}`, value)] as const;
    });
    const buildProbe = probeOf(entry, say);
    if (typeof origin !== 'string') return;
    tenants.push({ name, origin, ...(buildProbe && { buildProbe }) });
    access.set(origin, { token, headers: Object.fromEntries(headers) });
  });
  return { tenants, access, problems };
}

function parseFile(
  path: string,
  readFile: FleetSources['readFile'],
): z.infer<typeof FLEET_FILE> | { problems: string[] } {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    return { problems: [messageOf(error)] };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text, which may hold a secret where none should be.
    const at = /position (\d+)/.exec(messageOf(error))?.[1];
    const line = at === undefined ? '' : ` at line ${text.slice(0, Number(at)).split('\n').length}`;
    return { problems: [`is no JSON${line}`] };
  }
  const { data, error } = FLEET_FILE.safeParse(json);
  if (data) return data;
  const where = (keys: readonly PropertyKey[]) =>
    keys
      .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
      .join('')
      .replace(/^\./, '');
  return { problems: (error?.issues ?? []).map(({ path: keys, message }) => `${where(keys)} ${message}`.trim()) };
}

function readSource(
  path: string,
  what: string,
  source: string | z.infer<typeof SOURCE>,
  { env, readFile }: FleetSources,
  say: (problem: string) => void,
): string {
  const value = typeof source === 'string' ? source : 'env' in source ? (env[source.env] ?? '').trim() : readOrSay();
  if (value === undefined) return '';
  if (value === '')
    say(`${what} is empty${typeof source === 'object' && 'env' in source ? `: ${source.env} is not set` : ''}`);
  else if (!isHeaderText(value)) say(`${what} ${NO_HEADER_TEXT}`);
  return value;

  function readOrSay(): string | undefined {
    try {
      return readFile(resolve(dirname(path), (source as { file: string }).file)).trim();
    } catch (error) {
      say(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function probeOf({ buildProbe }: Entry, say: (problem: string) => void) {
  try {
    return buildProbe === undefined ? undefined : parseBuildProbe(buildProbe);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    say(error.message);
    return undefined;
  }
}

function objectError(otherwise: string) {
  return {
    error: (issue: { code?: string | undefined; keys?: string[] }) =>
      issue.code === 'unrecognized_keys' ? `has ${issue.keys?.map(shown).join(', ')}, which means nothing` : otherwise,
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
