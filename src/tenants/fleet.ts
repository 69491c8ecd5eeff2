import { InvalidInput, InvalidInputs } from '../contract/brand.js';
import type { PlannedTenant } from '../contract/release.js';
import { isLoopback } from '../net/loopback.js';
import type { Access } from '../smoke/session.js';

/** The tenants of a fleet, and the token and headers for each origin, which are never part of a plan. */
export interface Fleet {
  tenants: PlannedTenant[];
  access: ReadonlyMap<string, Access>;
  /** Set if its source does not answer and this is what it gave before: since when (ISO 8601) and why, without an address. */
  copy?: { at: string; why: string };
  /** What its source says besides that a release should name, one line each, without an address. */
  notes?: string[];
}

/** What is unusual about a fleet, one line each. */
export const notesOf = ({ copy, notes = [] }: Fleet): string[] => [
  ...(copy ? [`the fleet is a copy of ${copy.at}, because ${copy.why}`] : []),
  ...notes,
];

/** Where a fleet is read from; one file of `sources/` each. */
export interface FleetSource {
  /** Reads the tenants and their secrets as they are now.
   * @param maxAgeMs a source elsewhere is asked again only after this time, in milliseconds; 0 if left out.
   * @throws {FleetError}, {FleetUnreadable}, and the signal's reason when it is aborted. */
  read(signal?: AbortSignal, maxAgeMs?: number): Promise<Fleet>;
  /** What the configuration fixes of the fleet, without secrets: part of the configuration hash. */
  readonly fixed: unknown;
  /** Problems of a source elsewhere that show without asking it: a worker must start while it is down. */
  problems?(): string[];
}

/** Every problem of a fleet, one line each; none contains a secret. */
export class FleetError extends InvalidInputs {
  override readonly name = 'FleetError';
  constructor(problems: string[]) {
    super(problems, 'configuration');
  }
}

/** A fleet that cannot be read now, and may be later. The message has no address: reports show it. */
export class FleetUnreadable extends Error {
  override readonly name = 'FleetUnreadable';
}

const hasControls = (text: string) => /\p{Cc}/u.test(text.trim());

/** The origin of a tenant's URL, or what is wrong with it. The URL itself is not repeated: it may contain a password.
 * @param fix where a password of the URL belongs instead. */
export function parseOrigin(text: string, fix: string): string | { problem: string } {
  // A URL is read without the line breaks in it.
  if (!URL.canParse(text) || hasControls(text))
    return { problem: 'is not a URL: expected e.g. https://canary-1.example.com' };
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return { problem: `has scheme ${url.protocol.slice(0, -1)}: expected https` };
  if (url.username || url.password) return { problem: `has a user or password: ${fix}` };
  if (url.pathname !== '/' || url.search || url.hash)
    return { problem: 'has a path, query or fragment: write its origin only' };
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return { problem: `is plain http to ${url.hostname}: a token goes over https, or to this machine only` };
  return url.origin;
}

/** What `parse` returns of a text, or what is wrong with it, in words that do not repeat it. */
export function parsedOr(report: (problem: string) => void, parse: (text: string) => string, text: string): string {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    report(error.message);
    return '';
  }
}
