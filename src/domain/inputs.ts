import { InvalidInput, invalid, shown } from '../contract/brand.js';
import { MAX_TOKEN } from '../contract/identity.js';
import type { ReleaseInput, RollbackInput } from '../contract/release.js';
import { parseSha } from '../contract/sha.js';
import { type AddTenantInput, parseSlug } from '../contract/tenants/added.js';
import type { WatchInput } from '../contract/tenants/production.js';
import { FORGED_NAME, isForgedName } from './approvers.js';
import { parseDuration } from './duration.js';

/** Parses the input of a `CanaryRelease`, which people type by hand.
 * @throws {InvalidInput} */
export function parseReleaseInput(input: unknown): ReleaseInput {
  const given = parseObject(input, [
    'sha',
    'sequence',
    'requestedBy',
    'commitUrl',
    'soak',
    'approval',
    'promoteOnly',
    'force',
    'reason',
    'floor',
  ]);
  if (given.soak !== undefined) parseDuration(given.soak);
  if (given.approval !== undefined && given.approval !== 'required')
    throw invalid('approval', given.approval, '"required"');
  const release: ReleaseInput = {
    sha: parseSha(given.sha),
    ...optionalSequence(given),
    ...optionalName(given),
    ...optionalText(given, 'commitUrl'),
    ...optionalText(given, 'soak'),
    ...(given.approval === 'required' && { approval: 'required' }),
    ...optionalFlag(given, 'promoteOnly'),
    ...optionalFlag(given, 'force'),
    ...optionalText(given, 'reason'),
    ...(given.floor !== undefined && { floor: parseSha(given.floor) }),
  };
  if (release.promoteOnly && !(release.requestedBy?.trim() && release.reason?.trim()))
    throw new InvalidInput('promoteOnly needs requestedBy and reason');
  if (release.promoteOnly && release.approval)
    throw new InvalidInput('promoteOnly is its own approval: leave approval out, or test the build');
  if (release.force && !release.reason?.trim()) throw new InvalidInput('force needs a reason');
  return release;
}

/** Parses the input of a `Rollback`.
 * @throws {InvalidInput} */
export function parseRollbackInput(input: unknown): RollbackInput {
  const given = parseObject(input, ['sha', 'reason', 'requestedBy', 'force', 'onlyFrom']);
  const { reason } = optionalText(given, 'reason');
  const { requestedBy } = optionalName(given);
  if (!reason?.trim()) throw new InvalidInput('a rollback needs a reason, e.g. "search is slow since 4c1d56e"');
  return {
    sha: parseSha(given.sha),
    reason,
    // A form sends a blank name for a missing one: a rollback must not fail for it.
    ...(requestedBy?.trim() && { requestedBy }),
    ...optionalFlag(given, 'force'),
    ...(given.onlyFrom !== undefined && { onlyFrom: parseSha(given.onlyFrom) }),
  };
}

/** Parses the input of an `AddCanaryTenant`. `recreate` deletes data, so it repeats the slug.
 * @throws {InvalidInput} */
export function parseAddTenantInput(input: unknown): AddTenantInput {
  const given = parseObject(input, ['slug', 'recreate', 'requestedBy']);
  const slug = parseSlug(given.slug);
  if (given.recreate !== undefined && given.recreate !== slug)
    throw new InvalidInput(`recreate deletes all data of ${slug}: expected ${shown(slug)} once more`);
  return { slug, ...(given.recreate !== undefined && { recreate: slug }), ...optionalName(given) };
}

/** Parses the input of a `WatchProduction`.
 * @throws {InvalidInput} */
export function parseWatchInput(input: unknown): WatchInput {
  const given = parseObject(input, ['sha', 'movedAt', 'before']);
  return {
    sha: parseSha(given.sha),
    ...optionalText(given, 'movedAt'),
    ...(given.before !== undefined && { before: parseSha(given.before) }),
  };
}

function parseObject(input: unknown, known: string[]): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new InvalidInput(`invalid input ${shown(input)}: expected an object, e.g. {"sha":"4c1d56e"}`);
  const unknown = Object.keys(input).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new InvalidInput(`unknown field ${shown(unknown)} in the input: expected ${known.join(', ')}`);
  return input as Record<string, unknown>;
}

function optionalSequence({ sequence }: Record<string, unknown>): { sequence?: number } {
  if (sequence === undefined || sequence === null) return {};
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 0)
    throw invalid('sequence', sequence, `a whole number of at most ${Number.MAX_SAFE_INTEGER}, e.g. 1042`);
  return { sequence: sequence as number };
}

function optionalFlag<K extends string>(given: Record<string, unknown>, key: K): { [key in K]?: boolean } {
  const value = given[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'boolean') throw invalid(key, value, 'true or false');
  return { [key]: value } as { [key in K]?: boolean };
}

function optionalName(given: Record<string, unknown>): { requestedBy?: string } {
  const name = optionalText(given, 'requestedBy');
  if (isForgedName(name.requestedBy)) throw new InvalidInput(`invalid requestedBy: ${FORGED_NAME}`);
  return name;
}

/**
 * Takes the token off an input or a decision: it is handed on once, to be verified, and is in nothing that is kept, answered or shown. Null
 * without one.
 */
export function takeToken(sent: unknown): { token: string | null; rest: unknown } {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent) || !('token' in sent))
    return { token: null, rest: sent };
  const { token, ...rest } = sent;
  // Of one that is too long so much is handed on that it is refused as that.
  return { token: typeof token === 'string' ? token.slice(0, MAX_TOKEN + 1) : '', rest };
}

/** Longest text of an input, in characters: search attributes and reports have limits. */
export const MAX_TEXT = 500;

function optionalText<K extends string>(given: Record<string, unknown>, key: K): { [key in K]?: string } {
  const value = given[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') throw invalid(key, value, 'text');
  if (value.length > MAX_TEXT) throw new InvalidInput(`${key} is longer than ${MAX_TEXT} characters`);
  return { [key]: value } as { [key in K]?: string };
}
