import { decodings } from './decode.js';
import { type Chars, charsOf, unescaped, withoutBlanks } from './unescape.js';

/** Value of a JSON text; undefined if it is not JSON. The error of `JSON.parse` would quote the text, which may hold a secret. */
export function parseJson(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** What stands in place of a secret. */
const REDACTED = '[secret]';
/** Length of a run of a secret that is redacted, in characters without blanks; a shorter secret is redacted as a whole. */
const RUN = 8;
/** Shorter secrets are words that any text may contain: they are redacted as whole words only. */
const SHORT = 4;
/** How many layers of escapes are undone one after the other. */
const MAX_ESCAPES = 6;
/** How many layers of base64 or hex are undone. */
const MAX_LAYERS = 2;

/**
 * Returns a function that replaces every run of 8 or more characters of a secret. It looks through percent-encoding,
 * backslash escapes, HTML entities, base64 and hex, in any mixture, and through blanks, line breaks, controls and
 * zero-width characters between; letter case does not matter. The time is linear in the length of the text.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const needles = needlesOf(secrets);
  if (needles.length === 0) return (text) => text;
  const minBytes = Math.min(RUN, ...needles.map(({ length }) => length).filter((length) => length >= SHORT));
  const short = needles.filter(({ isShort }) => isShort);
  const runs = needles.filter(({ isShort }) => !isShort);

  const search = (view: Chars, layer: number, hide: Hide) => {
    const views = layersOf(withoutBlanks(view), { blanks: false });
    for (const needle of runs) for (const one of views) findNeedle(one, needle, hide);
    const usable = short.filter(({ length }) => layer === 0 || length >= SHORT);
    if (usable.length > 0)
      for (const one of layersOf(view, { blanks: true })) for (const needle of usable) findNeedle(one, needle, hide);
    if (layer === MAX_LAYERS) return;
    for (const decoded of decodings(views.at(-1) as Chars, minBytes)) search(decoded, layer + 1, hide);
  };

  return (text) => {
    const hidden = new Uint8Array(text.length);
    search(charsOf(text), 0, (start, end) => hidden.fill(1, start, end));
    return replaceHidden(text, hidden);
  };
}

/** The view as it is, and without one, two, … layers of escapes. All count, for a secret may itself contain what looks like an escape. */
function layersOf(view: Chars, { blanks }: { blanks: boolean }): Chars[] {
  const views = [view];
  while (views.length <= MAX_ESCAPES) {
    const outer = views.at(-1) as Chars;
    const inner = unescaped(outer, { blanks });
    if (inner.length === outer.length) break;
    views.push(inner);
  }
  return views;
}

type Hide = (start: number, end: number) => void;

function replaceHidden(text: string, hidden: Uint8Array): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const start = hidden.indexOf(1, at);
    if (start < 0) return at === 0 ? text : parts.join('') + text.slice(at);
    parts.push(text.slice(at, start), REDACTED);
    at = hidden.indexOf(0, start);
    if (at < 0) return parts.join('');
  }
}

/** Runs of characters of one length to look for: `keys` are the runs, `hashes` says which hashes they have. */
interface Needle {
  length: number;
  /** Of a short secret: blanks count. */
  isShort: boolean;
  keys: Set<string>;
  hashes: Uint8Array;
}

function needlesOf(secrets: Iterable<string>): Needle[] {
  const needles: Omit<Needle, 'hashes'>[] = [];
  const add = (chars: Chars, isShort: boolean) => {
    const length = Math.min(RUN, chars.length);
    if (length === 0) return;
    const known = needles.find((one) => one.length === length && one.isShort === isShort);
    const needle = known ?? { length, isShort, keys: new Set<string>() };
    if (!known) needles.push(needle);
    for (let at = 0; at + length <= chars.length; at += 1) needle.keys.add(keyAt(chars, at, length));
  };
  for (const secret of secrets) {
    // A form field has a plus sign for each blank.
    for (const form of new Set([secret, secret.replaceAll(' ', '+')])) {
      const chars = charsOf(form);
      const bare = withoutBlanks(chars);
      const isShort = bare.length < RUN;
      for (const layer of layersOf(isShort ? chars : bare, { blanks: isShort })) add(layer, isShort);
    }
  }
  return needles.map((needle) => ({ ...needle, hashes: hashesOf(needle.keys) }));
}

const HASHES = 1 << 16;
const FACTOR = 0x01000193;
const slotOf = (hash: number) => (hash ^ (hash >>> 16)) & (HASHES - 1);

function hashesOf(keys: Set<string>): Uint8Array {
  const hashes = new Uint8Array(HASHES);
  for (const key of keys) {
    const hash = key.split(' ').reduce((sum, code) => (Math.imul(sum, FACTOR) + Number(code)) | 0, 0);
    hashes[slotOf(hash)] = 1;
  }
  return hashes;
}

/** Lower case of an ASCII letter. */
const folded = (code: number) => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code);
const keyAt = ({ codes }: Chars, at: number, length: number) =>
  [...codes.subarray(at, at + length)].map(folded).join(' ');

/** Finds each place of the needle by a rolling hash, and confirms it by its characters. */
function findNeedle(view: Chars, { length, keys, hashes }: Needle, hide: Hide): void {
  const { codes, starts, ends } = view;
  let power = 1;
  for (let i = 0; i < length; i += 1) power = Math.imul(power, FACTOR);
  let hash = 0;
  let hiddenTo = 0;
  for (let i = 0; i < view.length; i += 1) {
    hash = (Math.imul(hash, FACTOR) + folded(codes[i] as number)) | 0;
    if (i >= length) hash = (hash - Math.imul(folded(codes[i - length] as number), power)) | 0;
    const first = i - length + 1;
    if (first < 0 || hashes[slotOf(hash)] === 0 || !keys.has(keyAt(view, first, length))) continue;
    if (length < SHORT && !isWord(view, first, i)) continue;
    hide(Math.max(hiddenTo, starts[first] as number), ends[i] as number);
    hiddenTo = ends[i] as number;
  }
}

const isWord = ({ codes, length }: Chars, first: number, last: number) =>
  !isWordCharacter(first > 0 ? codes[first - 1] : undefined) &&
  !isWordCharacter(last + 1 < length ? codes[last + 1] : undefined);
const isWordCharacter = (code: number | undefined) =>
  code !== undefined && /\w/.test(String.fromCodePoint(Math.min(code, 0xffff)));
