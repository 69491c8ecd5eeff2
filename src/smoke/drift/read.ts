import type { PlannedTenant } from '../../contract/release.js';
import { DeadlineReached, unlessAborted, withDeadline } from '../../net/deadline.js';
import { DIRECT } from '../../net/network.js';
import { openPool } from '../../net/pool.js';
import type { Values } from '../check.js';
import { NoResponse } from '../http.js';
import { readJson, WrongBody } from '../read-json.js';
import { type Access, createSession, type Session } from '../session.js';
import { SMOKE_WAITS } from '../waits.js';
import { type Compared, type Field, fieldsOf, type TenantFacts, type Value } from './facts.js';
import { shownPath, shownValue } from './show.js';

/** One request, in milliseconds: a tenant that is slower is not known. */
const REQUEST_MS = 5_000;
/** All tenants of a fleet, in milliseconds: what has not answered by then is not known. */
const FLEET_MS = 25_000;
/** Tenants that are asked at once. */
const AT_ONCE = 20;
/** Most values of one field: more are no configuration. */
const MAX_VALUES = 500;
/** A tenant that is compared, and how it is reached. */
export type ComparedTenant = PlannedTenant & { access: Access };

/** Reads what all tenants answer, at the same time. What goes wrong is part of the result.
 * @throws the reason of `signal` if it is aborted. */
export async function readTenants(
  tenants: readonly ComparedTenant[],
  read: readonly Compared[],
  signal?: AbortSignal,
): Promise<TenantFacts[]> {
  const facts: TenantFacts[] = [];
  await withDeadline(FLEET_MS, signal, async (inTime) => {
    const waiting = [...tenants.entries()];
    const readNext = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        facts[next[0]] = await readTenant(next[1], read, inTime);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, readNext));
  });
  signal?.throwIfAborted();
  return facts;
}

async function readTenant(tenant: ComparedTenant, read: readonly Compared[], signal: AbortSignal) {
  const { name, origin, access } = tenant;
  const { network = DIRECT, tls = null } = access;
  const pool = openPool({ network, connectMs: REQUEST_MS, connections: 1, tlsFor: () => tls });
  // Nothing goes to another origin.
  const toTenant = pool.compose((dispatch) => (request, handler) => dispatch({ ...request, origin }, handler));
  const waits = { ...SMOKE_WAITS, requestMs: REQUEST_MS };
  const session = createSession(toTenant, origin, access, [], waits, { tenant, access: null, window: null });
  try {
    return { tenant: name, fields: await readFields(session, access.token !== '', read, signal) };
  } finally {
    await pool.destroy();
  }
}

/** Reads the fields of one tenant. A field without a usable answer is not known, with the reason. */
export async function readFields(
  session: Session,
  hasToken: boolean,
  read: readonly Compared[],
  signal: AbortSignal,
): Promise<TenantFacts['fields']> {
  const fields = new Map<string, Field>();
  for (const one of read) {
    const answer = await ask(session, hasToken, one, signal);
    for (const { name, at, isKeys } of fieldsOf(one))
      fields.set(name, 'unknown' in answer ? answer : fieldAt(answer.json, at, isKeys, session.redact));
  }
  return fields;
}

const NO_VALUES: Values = { probe: '' };

async function ask(
  session: Session,
  hasToken: boolean,
  { path, as = 'admin' }: Compared,
  signal: AbortSignal,
): Promise<{ json: unknown } | { unknown: string }> {
  if (as === 'admin' && !hasToken) return { unknown: 'it has no admin token' };
  try {
    const sent = session.send({ method: 'GET', path, as }, NO_VALUES, signal);
    const response = await unlessAborted(sent, signal);
    if (response.status !== 200) return { unknown: `status ${response.status}` };
    if (response.incomplete !== null) return { unknown: 'its answer is not complete' };
    return { json: await readJson(response, 'application/json') };
  } catch (error) {
    if (error instanceof NoResponse) return { unknown: error.failure.what };
    // What it got instead may be a whole answer.
    if (error instanceof WrongBody) return { unknown: `expected ${error.expected}` };
    if (error instanceof DeadlineReached) return { unknown: 'no answer in time' };
    signal.throwIfAborted();
    return { unknown: session.redact(String(error)) };
  }
}

function fieldAt(json: unknown, at: string, isKeys: boolean, redact: (text: string) => string): Field {
  if (at !== '$' && !isObject(json)) return { unknown: 'the answer is no object' };
  const found = valueAt(json, at);
  if (found === undefined) return { values: new Map() };
  const { value } = found;
  if (isKeys && !isObject(value)) return { unknown: 'it is no object' };
  const values = new Map<string, Value>();
  const own = at === '$' ? [] : [at];
  const note = (path: string[], exact: string, shown: () => string): string | null => {
    // Dots in a name make no two paths one.
    values.set(JSON.stringify(path), { exact, shown, label: () => shownPath(path, redact) });
    return values.size <= MAX_VALUES ? null : `it has more than ${MAX_VALUES} values`;
  };
  const unknown = isKeys
    ? firstProblem(Object.keys(value as object), (key) => note([...own, key], '', () => 'present'))
    : flatten(own, value, (path, inner) =>
        hasLargeNumber(inner)
          ? 'it has a number too large to compare'
          : note(path, canonical(inner), () => shownValue(path, inner, redact)),
      );
  return unknown === null ? { values } : { unknown };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether two numbers of an answer may be one here: JSON's are exact up to 2^53 alone. */
const hasLargeNumber = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).some(hasLargeNumber)
    : typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER;

function valueAt(json: unknown, at: string): { value: unknown } | undefined {
  if (at === '$') return { value: json };
  let value = json;
  for (const key of at.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return { value };
}

function firstProblem<T>(all: readonly T[], problemOf: (one: T) => string | null): string | null {
  for (const one of all) {
    const problem = problemOf(one);
    if (problem !== null) return problem;
  }
  return null;
}

/** Notes every value in a value, a list as one. Returns the first problem. */
function flatten(
  path: string[],
  value: unknown,
  note: (path: string[], value: unknown) => string | null,
): string | null {
  if (!isObject(value) || Object.keys(value).length === 0) return note(path, value);
  return firstProblem(Object.entries(value), ([key, inner]) => flatten([...path, key], inner, note));
}

/** A value as JSON that does not depend on the order of its keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${entries.join(',')}}`;
}
