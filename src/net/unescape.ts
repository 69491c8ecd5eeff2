/** Characters of a view of a text, each with its place in that text: `codes[i]` comes from `starts[i]` to `ends[i]`. */
export interface Chars {
  length: number;
  codes: Uint32Array;
  starts: Uint32Array;
  ends: Uint32Array;
}

/** Bytes beyond ASCII that are no UTF-8 yet have codes from here on. */
export const RAW = 0x110000;
/** A code that equals no character: where one decoded run ends and the next begins. */
export const GAP = RAW + 0x100;

/** Blanks, control, format and zero-width characters, marks, and halves of surrogate pairs. */
const IGNORED = /[\s\p{C}\p{M}\p{DI}]/u;

/** Whether a reader would not see the character. All beyond the first 65,536 are among them: half of a pair is one, too. */
function isIgnored(code: number): boolean {
  if (code <= 0x20) return true;
  if (code < 0x7f) return false;
  return code < RAW && (code > 0xffff || IGNORED.test(String.fromCharCode(code)));
}

export function newChars(capacity: number): Chars {
  const list = () => new Uint32Array(capacity);
  return { length: 0, codes: list(), starts: list(), ends: list() };
}

export function charsOf(text: string): Chars {
  const chars = newChars(text.length);
  for (let at = 0; at < text.length; at += 1) append(chars, text.charCodeAt(at), at, at + 1);
  return chars;
}

export function append(chars: Chars, code: number, start: number, end: number): void {
  chars.codes[chars.length] = code;
  chars.starts[chars.length] = start;
  chars.ends[chars.length] = end;
  chars.length += 1;
}

/** The view without the characters that a reader does not see. */
export function withoutBlanks(view: Chars): Chars {
  const chars = newChars(view.length);
  for (let i = 0; i < view.length; i += 1) if (!isIgnored(view.codes[i] as number)) copy(view, i, chars);
  return chars;
}

export function copy(from: Chars, i: number, to: Chars): void {
  append(to, from.codes[i] as number, from.starts[i] as number, from.ends[i] as number);
}

/**
 * Undoes one layer of percent-encoding, backslash escapes and HTML entities, in whatever mixture. In linear time: each
 * character is written once, and removed at most twice.
 * @param blanks whether characters that a reader does not see are kept.
 */
export function unescaped(view: Chars, { blanks }: { blanks: boolean }): Chars {
  const chars = newChars(view.length);
  /** What is before this place came out of an escape, and is not part of another one. */
  let done = 0;
  const replaceEscape = () => {
    for (let found = escapeAtEnd(chars); found !== null; found = escapeAtEnd(chars)) {
      const first = chars.length - found.length;
      // Bytes of UTF-8 are escaped one by one.
      if (first < done && (chars.codes[chars.length - 1] as number) < RAW) return;
      const end = chars.ends[chars.length - 1] as number;
      chars.length = first;
      if (blanks || !isIgnored(found.code)) append(chars, found.code, chars.starts[first] as number, end);
      done = chars.length;
      if (found.code < RAW) return;
    }
  };
  for (let i = 0; i < view.length; i += 1) {
    copy(view, i, chars);
    replaceEscape();
  }
  return chars;
}

interface Escape {
  length: number;
  code: number;
}

const BACKSLASH = 0x5c;
const PERCENT = 0x25;

/** The escape that the last character completes. */
function escapeAtEnd(chars: Chars): Escape | null {
  const last = chars.codes[chars.length - 1] as number;
  if (last >= RAW) return utf8AtEnd(chars);
  if (last === 0x3b) return entityAtEnd(chars);
  if (last === 0x7d) return bracedAtEnd(chars);
  if (last > 0x7f) return null;
  if (before(chars, 1) === BACKSLASH) {
    const code = SIMPLE[last];
    return code === undefined ? null : { length: 2, code };
  }
  if (hexDigit(last) < 0) return null;
  if (before(chars, 2) === PERCENT) return byteOf(chars, 3);
  if (before(chars, 3) === BACKSLASH && before(chars, 2) === 0x78) return byteOf(chars, 4);
  if (before(chars, 5) === BACKSLASH && before(chars, 4) === 0x75) return codeOf(chars, 6, 4);
  if (before(chars, 9) === BACKSLASH && before(chars, 8) === 0x55) return codeOf(chars, 10, 8);
  return null;
}

/** Code of the character that many places before the last one; -1 if there is none. */
const before = (chars: Chars, places: number) => chars.codes[chars.length - 1 - places] ?? -1;

/** What a backslash and the character of this code stand for: a mark for itself, unless it begins another escape, and these letters for a control. */
const SIMPLE: Readonly<Record<number, number>> = Object.fromEntries([
  ...[...'!"#$\'()*+,-./:;<=>?@[\\]^_`{|}~'].map((mark) => [mark.charCodeAt(0), mark.charCodeAt(0)]),
  ...Object.entries({ n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' }).map(([letter, control]) => [
    letter.charCodeAt(0),
    control.charCodeAt(0),
  ]),
]);

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Number that the last `digits` characters write in hex; null if one is no digit. */
function hexAtEnd(chars: Chars, digits: number): number | null {
  let value = 0;
  for (let places = digits - 1; places >= 0; places -= 1) {
    const digit = hexDigit(before(chars, places));
    if (digit < 0) return null;
    value = value * 16 + digit;
  }
  return value;
}

function byteOf(chars: Chars, length: number): Escape | null {
  const value = hexAtEnd(chars, 2);
  return value === null ? null : { length, code: value < 0x80 ? value : RAW + value };
}

function codeOf(chars: Chars, length: number, digits: number): Escape | null {
  const value = hexAtEnd(chars, digits);
  return value === null || value >= RAW ? null : { length, code: value };
}

/** The character whose UTF-8 the last bytes are. */
function utf8AtEnd(chars: Chars): Escape | null {
  let code = 0;
  for (let places = 0; places < 4; places += 1) {
    const byte = before(chars, places) - RAW;
    if (byte < 0x80 || byte > 0xf4) return null;
    if (byte < 0xc0) {
      code += (byte & 0x3f) << (6 * places);
      continue;
    }
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length !== places + 1) return null;
    return { length, code: code + ((byte & (0xff >> (length + 1))) << (6 * places)) };
  }
  return null;
}

/** JavaScript's `\u{2b}`. */
function bracedAtEnd(chars: Chars): Escape | null {
  for (let places = 1; places <= 9; places += 1) {
    if (hexDigit(before(chars, places)) >= 0) continue;
    const opens = before(chars, places) === 0x7b && before(chars, places + 1) === 0x75;
    if (!opens || before(chars, places + 2) !== BACKSLASH || places < 2) return null;
    const value = Number.parseInt(textBefore(chars, places - 1), 16);
    return value < RAW ? { length: places + 3, code: value } : null;
  }
  return null;
}

/** Longest entity, without `&` and `;`. Zeros may pad a number. */
const MAX_ENTITY = 12;
const NUMERIC = /^#(?:x([0-9a-f]+)|([0-9]+))$/i;

function entityAtEnd(chars: Chars): Escape | null {
  for (let places = 1; places <= MAX_ENTITY + 1; places += 1) {
    if (before(chars, places) !== 0x26) continue;
    const name = textBefore(chars, places - 1);
    const [, hex, decimal] = NUMERIC.exec(name) ?? [];
    const number = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal ?? Number.NaN);
    const code = number < RAW ? number : ENTITIES.get(name);
    return code === undefined ? null : { length: places + 1, code };
  }
  return null;
}

/** The `length` characters before the last one. */
const textBefore = ({ codes, length: end }: Chars, length: number) =>
  String.fromCharCode(...codes.subarray(end - 1 - length, end - 1));

/** The HTML entities of ASCII, and of what is not seen. */
const ENTITIES = new Map(
  Object.entries({
    ...{ amp: '&', AMP: '&', lt: '<', LT: '<', gt: '>', GT: '>', quot: '"', QUOT: '"', apos: "'", plus: '+', sol: '/' },
    ...{
      equals: '=',
      num: '#',
      percnt: '%',
      colon: ':',
      semi: ';',
      comma: ',',
      period: '.',
      lowbar: '_',
      UnderBar: '_',
    },
    ...{ excl: '!', dollar: '$', lpar: '(', rpar: ')', ast: '*', midast: '*', quest: '?', commat: '@', bsol: '\\' },
    ...{ lsqb: '[', lbrack: '[', rsqb: ']', rbrack: ']', Hat: '^', grave: '`', DiacriticalGrave: '`', lcub: '{' },
    ...{ lbrace: '{', rcub: '}', rbrace: '}', verbar: '|', vert: '|', VerticalLine: '|', Tab: '\t', NewLine: '\n' },
    ...{ nbsp: ' ', ensp: ' ', emsp: ' ', thinsp: ' ', shy: ' ', zwnj: ' ', zwj: ' ', ZeroWidthSpace: ' ' },
  }).map(([name, character]) => [name, character.charCodeAt(0)]),
);
