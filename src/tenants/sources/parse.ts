import type { z } from 'zod';
import { InvalidInput, shown } from '../../contract/brand.js';
import type { PlannedTenant } from '../../contract/release.js';
import { parseSecretText, parseToken } from '../../contract/secret.js';
import type { Network } from '../../net/network.js';
import type { Access } from '../../smoke/session.js';
import { parseBuildProbe } from '../build-probe.js';
import { parsedOr, parseOrigin } from '../fleet.js';
import { type Entry, FLEET_FILE, namesPrototype, SOURCE_FORMS, type Source } from './schema.js';
import { type ReadSource, readWay } from './way.js';

/** Headers that the gate sets itself, or that would authenticate a request which must be unauthenticated. */
const RESERVED =
  /^(?:authorization|proxy-authorization|cookie|origin|referer|host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept|accept-encoding)$/i;
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

/** How the JSON of a fleet is read. */
export interface FleetReading {
  /** Prefix for a tenant without a name; its position follows. */
  unnamed: string;
  /** Whether each tenant must have a token. */
  needsToken: boolean;
  network: Network;
  /** Text of a secret that the JSON names; undefined if its variable is not set.
   * @throws with the reason if it cannot be read. */
  lookUp: (source: Source) => string | undefined;
  /** Whether it may name tenants on this machine, over plain http; true if left out. */
  allowsPlainLoopback?: boolean;
}

/** Reads the JSON of a fleet: its tenants, every secret that it names, and all that is wrong with it. */
export function parseFleet(
  text: string,
  { unnamed, needsToken, network, lookUp, allowsPlainLoopback = true }: FleetReading,
) {
  const access = new Map<string, Access>();
  const tenants: PlannedTenant[] = [];
  const parsed = parseJson(text.replace(/^\ufeff/, ''));
  if ('problems' in parsed) return { tenants, access, problems: parsed.problems };
  const problems: string[] = [];
  parsed.tenants.forEach((entry, index) => {
    const name = entry.name ?? `${unnamed}-${index + 1}`;
    const report = (problem: string) => problems.push(`tenants[${index}] (${name}): ${problem}`);
    const origin = parseOrigin(entry.url, 'the token belongs in "token"');
    if (tenants.some((tenant) => tenant.name === name)) report('its name appears twice');
    if (typeof origin !== 'string') report(`url ${origin.problem}`);
    else if (access.has(origin)) report(`url appears twice: ${origin}`);
    // A list from elsewhere must not point a token, or requests, at what else listens on this machine.
    else if (!allowsPlainLoopback && origin.startsWith('http:'))
      report('url is plain http to this machine: only a fleet of this machine may name it');
    const read: ReadSource = (what, source, parse) => readSource(what, source, parse, lookUp, report);
    if (entry.token === undefined && needsToken) report(`token is missing: expected ${SOURCE_FORMS}`);
    const token = entry.token === undefined ? '' : read('token', entry.token, parseToken);
    const named = new Set([entry.tokenHeader?.toLowerCase()]);
    const headers = Object.entries(entry.headers ?? {}).map(([header, value]) => {
      if (named.has(header.toLowerCase())) report(`headers: ${shown(header)} is named twice`);
      named.add(header.toLowerCase());
      if (!HEADER.test(header)) report(`headers: invalid name ${shown(header)}`);
      else if (RESERVED.test(header)) report(`headers: ${header} is set by the gate`);
      return [header, read(`headers.${header}`, value, parseSecretText)] as const;
    });
    const { tokenHeader } = entry;
    if (tokenHeader !== undefined && (!HEADER.test(tokenHeader) || RESERVED.test(tokenHeader)))
      report(`tokenHeader: ${shown(tokenHeader)} is invalid, or set by the gate`);
    const way = readWay(entry, network, read, report);
    const buildProbe = probeOf(entry, report);
    if (typeof origin !== 'string') return;
    tenants.push({ name, origin, ...(buildProbe && { buildProbe }) });
    access.set(origin, { token, headers: Object.fromEntries(headers), ...way });
  });
  return { tenants, access, problems };
}

function parseJson(text: string): z.infer<typeof FLEET_FILE> | { problems: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
    if (namesPrototype(text)) return { problems: ['has "__proto__", which is not known'] };
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
  what: string,
  source: string | Source,
  parse: (text: string) => string,
  lookUp: FleetReading['lookUp'],
  report: (problem: string) => void,
): string {
  let given: string;
  try {
    given = typeof source === 'string' ? source : (lookUp(source) ?? '');
  } catch (error) {
    report(`${what}: ${messageOf(error)}`);
    return '';
  }
  if (given.trim() === '')
    report(`${what} is empty${typeof source === 'object' && 'env' in source ? `: ${source.env} is not set` : ''}`);
  const name = typeof source === 'string' ? '' : ` (${'env' in source ? source.env : source.file})`;
  return parsedOr((problem) => report(`${what}${name} ${problem}`), parse, given);
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

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A variable of an environment, and nothing that every object inherits. */
export const ownVariable = (env: Readonly<Record<string, string | undefined>>, name: string) =>
  Object.hasOwn(env, name) ? env[name] : undefined;
