import { append, type Chars, copy, GAP, newChars, RAW } from './unescape.js';

/** What a text may write in base64 or hex: a view for each place where its first group may begin. */
export function decodings(view: Chars, minBytes: number): Chars[] {
  return [
    ...[0, 1, 2, 3].map((skipped) => readable(fromBase64(view, skipped, minBytes), minBytes)),
    ...[0, 1].map((skipped) => readable(fromHex(view, skipped), minBytes)),
  ].filter(({ length }) => length >= minBytes);
}

const BASE64 = codeTable('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', { '-': 62, _: 63 });
const HEX = codeTable('0123456789abcdef', { A: 10, B: 11, C: 12, D: 13, E: 14, F: 15 });

/** Value of each ASCII character; -1: none. */
function codeTable(digits: string, more: Record<string, number>): Int8Array {
  const table = new Int8Array(0x80).fill(-1);
  [...digits].forEach((digit, value) => {
    table[digit.charCodeAt(0)] = value;
  });
  for (const [digit, value] of Object.entries(more)) table[digit.charCodeAt(0)] = value;
  return table;
}

const asByte = (value: number) => (value < 0x80 ? value : RAW + value);

/** Bytes of each run of base64 digits without its first ones, of which `skipped` are left out. */
function fromBase64(view: Chars, skipped: number, minBytes: number): Chars {
  const bytes = newChars(view.length);
  const minDigits = Math.ceil((minBytes * 4) / 3);
  for (let start = 0; start < view.length; start += 1) {
    let end = start;
    while (end < view.length && (BASE64[view.codes[end] as number] ?? -1) >= 0) end += 1;
    if (end - start >= minDigits) {
      let bits = 0;
      let buffer = 0;
      for (let i = start + skipped; i < end; i += 1) {
        buffer = ((buffer << 6) | (BASE64[view.codes[i] as number] as number)) & 0xffff;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        // The bits of a byte are in two digits.
        append(bytes, asByte((buffer >> bits) & 0xff), view.starts[i - 1] as number, view.ends[i] as number);
      }
      append(bytes, GAP, 0, 0);
    }
    start = end;
  }
  return bytes;
}

/** What may stand between two bytes in hex: `61:62`, `61-62`, `61,62`, and `0x` before each. */
const SEPARATORS = new Set([...':-,._'].map((one) => one.charCodeAt(0)));

/** Bytes of each run of hex digits and separators, of whose digits the first `skipped` are left out. */
function fromHex(view: Chars, skipped: number): Chars {
  const bytes = newChars(view.length);
  let toSkip = skipped;
  let high = -1;
  for (let i = 0; i < view.length; i += 1) {
    const code = view.codes[i] as number;
    const digit = HEX[code] ?? -1;
    if (digit === 0 && high < 0 && ((view.codes[i + 1] as number) | 0x20) === 0x78) {
      // After `0x` a byte begins.
      i += 1;
      toSkip = skipped;
    } else if (digit >= 0 && toSkip > 0) toSkip -= 1;
    else if (digit >= 0 && high < 0) high = i;
    else if (digit >= 0) {
      const value = (HEX[view.codes[high] as number] as number) * 16 + digit;
      append(bytes, asByte(value), view.starts[high] as number, view.ends[i] as number);
      high = -1;
    } else if (!SEPARATORS.has(code)) {
      if (bytes.length > 0 && bytes.codes[bytes.length - 1] !== GAP) append(bytes, GAP, 0, 0);
      toSkip = skipped;
      high = -1;
    }
  }
  return bytes;
}

/** The runs of at least `min` characters that are text: ASCII without controls but blanks, or UTF-8. What is decoded from the wrong digit on rarely has one. */
function readable(bytes: Chars, min: number): Chars {
  const text = newChars(bytes.length);
  let start = 0;
  let at = 0;
  while (at <= bytes.length) {
    const length = at < bytes.length ? sequenceAt(bytes, at) : 0;
    if (length > 0) {
      at += length;
      continue;
    }
    if (at - start >= min) {
      for (let i = start; i < at; i += 1) copy(bytes, i, text);
      if (text.length < bytes.length) append(text, GAP, 0, 0);
    }
    at += 1;
    start = at;
  }
  return text;
}

/** Length of the character at a place, in bytes; 0 if it is no text. */
function sequenceAt({ codes, length: end }: Chars, at: number): number {
  const code = codes[at] as number;
  if (code < 0x80) return (code >= 0x20 && code < 0x7f) || code === 9 || code === 10 || code === 13 ? 1 : 0;
  const lead = code - RAW;
  const length = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i += 1) {
    const next = at + i < end ? (codes[at + i] as number) - RAW : 0;
    if (next < 0x80 || next > 0xbf) return 0;
  }
  return length;
}
