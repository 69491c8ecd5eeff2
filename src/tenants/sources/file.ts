import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InvalidInput, shown } from '../../contract/brand.js';
import type { PlannedTenant } from '../../contract/release.js';
import { parseSecretText, parseToken } from '../../contract/secret.js';
import type { Access } from '../../smoke/session.js';
import { parseBuildProbe } from '../build-probe.js';
import { FleetError, type FleetSource, parsedOr, parseOrigin } from '../fleet.js';

const SOURCE_FORMS = '{ "env": "NAME" } or { "file": "PATH" }';

/** Where the text of a secret is: never in the fleet file itself. */
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
    `must be ${SOURCE_FORMS}: a fleet file contains no secret`,
  )
  .meta({ description: 'Where the secret is; its trailing newline does not count' });

/** The fleet file; published as docs/fleet.schema.json. */
export const FLEET_FILE = z
  .strictObject(
    {
      $schema: z.string('must be a string').optional(),
      tenants: z
        .array(
          z.strictObject(
            {
              name: z
                .string('must be a string, e.g. canary-eu')
                .regex(
                  /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
                  'must be up to 63 letters, digits, dots, dashes and underscores, e.g. canary-eu',
                )
                .optional()
                .meta({
                  description:
                    'Its name in reports, public ones included; default: canary-1, canary-2, ... by position',
                }),
              url: z
                .string('is missing, e.g. https://canary-1.example.com')
                .meta({ description: 'Its origin: https, or http to this machine' }),
              token: SOURCE.optional().meta({
                description: 'The admin token; a production tenant needs none, a canary tenant does',
              }),
              headers: z
                .record(
                  z.string(),
                  z.union([z.string(), SOURCE], 'must be a string, { "env": "NAME" } or { "file": "PATH" }'),
                  'must be an object of names and values',
                )
                .optional()
                .meta({ description: 'Sent with every request and kept secret, e.g. X-Molecule-Org-Id' }),
              buildProbe: z.string('must be a string, e.g. /health#sha').optional().meta({
                description: 'Where it reports its build, e.g. /health#sha, or none; default: CANARY_BUILD_PROBE',
              }),
            },
            objectError('must be a tenant, e.g. { "url": "https://canary-1.example.com", "token": { "env": "NAME" } }'),
          ),
          'is missing: an array of tenants',
        )
        .meta({ description: 'The tenants' }),
    },
    objectError('must be an object, e.g. { "tenants": [] }'),
  )
  .meta({
    title: 'Fleet',
    description:
      'The tenants of CANARY_FLEET_FILE, read again for each release, or of CANARY_PROD_FLEET_FILE, read again for each watch',
  });

type Entry = z.infer<typeof FLEET_FILE>['tenants'][number];

/** Headers that the gate sets itself, or that would authenticate a request which must be unauthenticated. */
const RESERVED =
  /^(?:authorization|proxy-authorization|cookie|origin|referer|host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept|accept-encoding)$/i;
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a fleet file is read with. */
export interface FileSources {
  env: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => string;
}

export interface FileFleetOptions {
  file: string;
  /** The variable that names the file: each problem begins with it. */
  setting: string;
  /** Prefix for a tenant without a name; its position follows. */
  unnamed: string;
  /** Whether each tenant must have a token. */
  needsToken: boolean;
  /** Further problems, by the number of tenants. */
  check: (tenants: number) => string[];
}

/** The fleet of a file, read again each time, with every secret that it names. */
export function fileFleet(
  { file, setting, unnamed, needsToken, check }: FileFleetOptions,
  sources: FileSources,
): FleetSource {
  return {
    fixed: 'file',
    async read(signal) {
      signal?.throwIfAborted();
      const { problems, ...fleet } = readFleetFile(file, sources, unnamed, needsToken);
      const all = [...check(fleet.tenants.length), ...problems];
      if (all.length > 0) throw new FleetError(all.map((problem) => `${setting}: ${problem}`));
      return fleet;
    },
  };
}

function readFleetFile(path: string, sources: FileSources, unnamed: string, needsToken: boolean) {
  const access = new Map<string, Access>();
  const tenants: PlannedTenant[] = [];
  const parsed = parseFile(path, sources.readFile);
  if ('problems' in parsed) return { tenants, access, problems: parsed.problems };
  const problems: string[] = [];
  parsed.tenants.forEach((entry, index) => {
    const name = entry.name ?? `${unnamed}-${index + 1}`;
    const report = (problem: string) => problems.push(`tenants[${index}] (${name}): ${problem}`);
    const origin = parseOrigin(entry.url, 'the token belongs in "token"');
    if (tenants.some((tenant) => tenant.name === name)) report('its name appears twice');
    if (typeof origin !== 'string') report(`url ${origin.problem}`);
    else if (access.has(origin)) report(`url appears twice: ${origin}`);
    const read = (what: string, source: string | z.infer<typeof SOURCE>) =>
      readSource(path, what, source, sources, report);
    if (entry.token === undefined && needsToken) report(`token is missing: expected ${SOURCE_FORMS}`);
    const token = entry.token === undefined ? '' : read('token', entry.token);
    const headers = Object.entries(entry.headers ?? {}).map(([header, value]) => {
      if (!HEADER.test(header)) report(`headers: invalid name ${shown(header)}`);
      else if (RESERVED.test(header)) report(`headers: ${header} is set by the gate`);
      return [header, read(`headers.${header}`, value)] as const;
    });
    const buildProbe = probeOf(entry, report);
    if (typeof origin !== 'string') return;
    tenants.push({ name, origin, ...(buildProbe && { buildProbe }) });
    access.set(origin, { token, headers: Object.fromEntries(headers) });
  });
  return { tenants, access, problems };
}

function parseFile(
  path: string,
  readFile: FileSources['readFile'],
): z.infer<typeof FLEET_FILE> | { problems: string[] } {
  let text: string;
  try {
    text = readFile(path).replace(/^\ufeff/, '');
  } catch (error) {
    return { problems: [messageOf(error)] };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text, which may contain a secret by mistake.
    const at = /position (\d+)/.exec(messageOf(error))?.[1];
    const line = at === undefined ? '' : ` at line ${text.slice(0, Number(at)).split('\n').length}`;
    return { problems: [`is not JSON${line}`] };
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
  { env, readFile }: FileSources,
  report: (problem: string) => void,
): string {
  const given = typeof source === 'string' ? source : 'env' in source ? (env[source.env] ?? '') : readOrReport();
  if (given === undefined) return '';
  if (given.trim() === '')
    report(`${what} is empty${typeof source === 'object' && 'env' in source ? `: ${source.env} is not set` : ''}`);
  const name = typeof source === 'string' ? '' : ` (${'env' in source ? source.env : source.file})`;
  return parsedOr(
    (problem) => report(`${what}${name} ${problem}`),
    what === 'token' ? parseToken : parseSecretText,
    given,
  );

  function readOrReport(): string | undefined {
    try {
      return readFile(resolve(dirname(path), (source as { file: string }).file));
    } catch (error) {
      report(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function probeOf({ buildProbe }: Entry, report: (problem: string) => void) {
  try {
    return buildProbe === undefined ? undefined : parseBuildProbe(buildProbe);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    report(error.message);
    return undefined;
  }
}

function objectError(otherwise: string) {
  return {
    error: (issue: { code?: string | undefined; keys?: string[] }) =>
      issue.code === 'unrecognized_keys' ? `has ${issue.keys?.map(shown).join(', ')}, which is not known` : otherwise,
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
