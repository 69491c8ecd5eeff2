import { InvalidInput } from '../../contract/brand.js';
import { fieldsOf } from '../../domain/payloads/fields.js';

// What changes in the state of a lane, as data (ADR 16): the lane hands each change to its history, and a client adds them up without
// the code of the lane. Values are JSON.

/**
 * Change of a value: `to` replaces it; `in` changes fields of an object, and removes `gone` ones; a list loses its first `drop` items,
 * then `cut` items at `at`, and gets `add` there.
 */
export type Change =
  | { to: unknown }
  | { in: Record<string, Change>; gone?: string[] }
  | { drop: number; at: number; cut: number; add: unknown[] };

// A workflow looks a global up in its sandbox each time, which costs more than what these do.
const { entries, fromEntries, hasOwn, keys } = Object;
const { stringify } = JSON;

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Change from one value to another; null if they are the same JSON. It shares parts of `after`. */
export function changeOf(before: unknown, after: unknown): Change | null {
  if (before === after) return null;
  if (Array.isArray(before) && Array.isArray(after)) return changeOfList(before, after);
  if (!isObject(before) || !isObject(after)) return { to: after };
  const changes = entries(after).flatMap(([name, value]): [string, Change][] => {
    if (value === undefined) return [];
    const change = hasOwn(before, name) ? changeOf(before[name], value) : { to: value };
    return change ? [[name, change]] : [];
  });
  const has = (fields: Fields, name: string) => hasOwn(fields, name) && fields[name] !== undefined;
  const gone = keys(before).filter((name) => has(before, name) && !has(after, name));
  if (gone.length > 0) return { in: fromEntries(changes), gone };
  return changes.length > 0 ? { in: fromEntries(changes) } : null;
}

/** Texts of the parts of a value. */
type Texts = Map<string, string | undefined>;

/**
 * A value with the parts that a known one has, wherever their texts are the same: `changeOf` looks at the others alone. Texts are
 * compared in a tenth of the time of values. Parts are the fields, and the fields of `deeper`.
 */
export function withKnownParts<T extends object>(
  value: T,
  known: { value: unknown; texts: Texts },
  deeper?: keyof T & string,
): { value: T; texts: Texts } {
  const texts: Texts = new Map();
  const share = (fields: Fields, before: unknown, path: string): Fields =>
    fromEntries(
      entries(fields).map(([name, part]) => {
        const [partOf, place] = [isObject(before) ? before[name] : undefined, `${path}${name}`];
        if (place === deeper && isObject(part)) return [name, share(part, partOf, `${place}.`)];
        const text = stringify(part);
        texts.set(place, text);
        return [name, partOf !== undefined && known.texts.get(place) === text ? partOf : part];
      }),
    );
  return { value: share(value as Fields, known.value, '') as T, texts };
}

const isSame = (one: unknown, other: unknown) => changeOf(one, other) === null;

/** Lists grow at their end and lose their oldest items; else they change in one place. */
function changeOfList(before: unknown[], after: unknown[]): Change | null {
  const drop = Math.max(
    0,
    before.findIndex((one) => isSame(one, after[0])),
  );
  const rest = before.slice(drop);
  const shorter = Math.min(rest.length, after.length);
  let at = 0;
  while (at < shorter && isSame(rest[at], after[at])) at += 1;
  let end = 0;
  while (end < shorter - at && isSame(rest[rest.length - 1 - end], after[after.length - 1 - end])) end += 1;
  const cut = rest.length - at - end;
  const add = after.slice(at, after.length - end);
  return drop === 0 && cut === 0 && add.length === 0 ? null : { drop, at, cut, add };
}

/** Applies a change, which may be anything; the value before is not touched.
 * @throws {InvalidInput} if it is no change, or none of this value. */
export function applyChange(before: unknown, change: unknown): unknown {
  const sent = fieldsOf(change);
  if (hasOwn(sent, 'to')) return sent.to;
  const { in: changes, gone = [], add } = sent;
  if (Array.isArray(add) && Array.isArray(before)) {
    const [drop, at, cut] = [sent.drop, sent.at, sent.cut].map((count) =>
      Number.isSafeInteger(count) ? Number(count) : -1,
    );
    if (drop === undefined || at === undefined || cut === undefined || Math.min(drop, at, cut) < 0)
      throw notApplicable();
    if (drop + at + cut > before.length) throw notApplicable();
    const rest = before.slice(drop);
    return [...rest.slice(0, at), ...add, ...rest.slice(at + cut)];
  }
  if (!isObject(changes) || !isObject(before) || !Array.isArray(gone)) throw notApplicable();
  const kept = entries(before).filter(([name]) => !gone.includes(name));
  const changed = entries(changes).map(
    ([name, one]) => [name, applyChange(hasOwn(before, name) ? before[name] : undefined, one)] as const,
  );
  return fromEntries([...kept, ...changed]);
}

const notApplicable = () => new InvalidInput('a change of the state of a lane does not fit what was there before');

/** Fields whose change alone is not handed on: a lane that lost it does the same once more, or assumes the worst. */
const MINOR: Record<string, readonly string[]> = {
  move: ['leaseGrantedAt'],
  ledger: ['watchStartedFor', 'watchedFor'],
};

/** Whether a change of a state is not worth an event of the history. The next one that is includes it. */
export const isMinor = (change: Change): boolean =>
  isInside(change) &&
  Object.entries(change.in).every(
    ([name, inner]) => isInside(inner) && Object.keys(inner.in).every((field) => MINOR[name]?.includes(field)),
  );
const isInside = (change: Change): change is { in: Record<string, Change> } => 'in' in change && !change.gone;

/** Memo of a lane that has the last record. */
export const RECORD_MEMO = 'record';
/** Version of the shape of a record. */
const VERSION = 1;
/** Most characters of a record in one memo: Temporal warns of a memo above 2 KB. */
const MAX_PART = 1_200;

/** Part of a record; `more` parts follow. */
export interface RecordPart {
  version: number;
  text: string;
  more?: true;
}

/** The text of a change, in parts. */
export function partsOf(text: string): RecordPart[] {
  const parts = text.match(new RegExp(`[^]{1,${MAX_PART}}`, 'g')) ?? [];
  return parts.map((part, index) => ({
    version: VERSION,
    text: part,
    ...(index < parts.length - 1 && { more: true as const }),
  }));
}

/** Adds up parts of records, which may be anything: the last value that they lead to, and whether all of them could be read. */
export function applyRecords(base: unknown, parts: unknown[]): { state: unknown; isWhole: boolean } {
  let [state, text] = [base, ''];
  try {
    for (const part of parts) {
      const { version, text: more, more: follows } = fieldsOf(part);
      if (version !== VERSION || typeof more !== 'string') throw new InvalidInput('no record of this version');
      text += more;
      if (follows === true) continue;
      state = applyChange(state, JSON.parse(text));
      text = '';
    }
    return { state, isWhole: text === '' };
  } catch {
    return { state, isWhole: false };
  }
}
