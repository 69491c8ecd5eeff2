import { gunzipSync, gzipSync } from 'node:zlib';
import { InvalidInput } from '../contract/brand.js';

// A layer with one file: the form that every registry, scanner and `crane export` knows.

const BLOCK = 512;
/** Largest file, in bytes: a ledger is at most 256 KiB. */
export const MAX_FILE = 1024 * 1024;

/** A tar archive with one file. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const put = (text: string, at: number) => header.write(text, at, 'latin1');
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(content.length, 11), 124);
  put(octal(0, 11), 136);
  put(' '.repeat(8), 148);
  put('0', 156);
  put('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  // Two empty blocks end it.
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}

/** The one file of such an archive, compressed.
 * @throws {InvalidInput} */
export function fileInLayer(layer: Buffer, name: string): Buffer {
  const bad = (why: string) => new InvalidInput(`its layer ${why}`);
  let tar: Buffer;
  try {
    // What is compressed may be a thousand times as large.
    tar = gunzipSync(layer, { maxOutputLength: MAX_FILE + 4 * BLOCK });
  } catch {
    throw bad('is not compressed, or is too large');
  }
  const [found] = tar.toString('latin1', 0, 100).split('\0', 1);
  const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  if (found !== name || !(size > 0) || BLOCK + size > tar.length) throw bad(`has no ${name}`);
  return tar.subarray(BLOCK, BLOCK + size);
}

/** Compressed form, the same for the same bytes. */
export const compressed = (bytes: Buffer): Buffer => gzipSync(bytes, { level: 9 });
