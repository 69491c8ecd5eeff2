import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { MAX_BODY, type SmokeResponse } from './http.js';

/** Deepest valid JSON, in levels. A recursive schema overflows the stack on deeper JSON. */
export const MAX_DEPTH = 100;

/** A body that fails before its schema is checked. */
export class WrongBody extends Error {
  override readonly name = 'WrongBody';
  constructor(
    readonly expected: string,
    readonly got: string,
  ) {
    super(`expected ${expected}, got ${got}`);
  }
}

const DECOMPRESS: Record<string, (compressed: Buffer, limit: { maxOutputLength: number }) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Parses the JSON of a response. Requires this content type, UTF-8, and a body within the limits of size and depth.
 * @throws {WrongBody} */
export async function readJson(response: SmokeResponse, type: string): Promise<unknown> {
  const actual = contentType(response);
  if (actual.type !== type) throw new WrongBody(`content type ${type}`, actual.type);
  if (!['utf-8', 'utf8', 'us-ascii'].includes(actual.charset)) throw new WrongBody('charset utf-8', actual.charset);
  const text = decode(await decompress(response));
  if (depthOf(text) > MAX_DEPTH) throw new WrongBody(`JSON at most ${MAX_DEPTH} deep`, 'deeper JSON');
  try {
    return JSON.parse(text);
  } catch {
    throw new WrongBody('JSON', text || 'an empty body');
  }
}

/** Start of a body as text, to be shown; decompressed if possible. */
export async function bodyText(response: SmokeResponse): Promise<string> {
  if (response.incomplete !== null && response.incomplete !== 'too-large') return '';
  const body = await decompress(response).catch(() => Buffer.alloc(0));
  // The end is dropped: it may be the first part of a secret, which redaction would not recognize.
  return (response.incomplete === null ? body : body.subarray(0, -8_192)).toString('utf8');
}

async function decompress(response: SmokeResponse): Promise<Buffer> {
  const coding = header(response, 'content-encoding').toLowerCase();
  if (coding === '' || coding === 'identity') return response.body;
  const decompressBody = Object.hasOwn(DECOMPRESS, coding) ? DECOMPRESS[coding] : undefined;
  if (!decompressBody) throw new WrongBody('content encoding gzip, deflate, br or none', coding);
  try {
    // Limit for a decompression bomb, a few bytes that become gigabytes.
    return await decompressBody(response.body, { maxOutputLength: MAX_BODY });
  } catch (error) {
    const large = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw large ? tooLarge() : new WrongBody(`a body in ${coding}`, 'invalid data');
  }
}

export const tooLarge = (start = '') => new WrongBody('a body of at most 1 MiB', start ? `more: ${start}` : 'more');

function contentType(response: SmokeResponse): { type: string; charset: string } {
  const [type = '', ...parameters] = header(response, 'content-type').toLowerCase().split(';');
  const charset = parameters.map((part) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(part)?.[1]).find(Boolean);
  return { type: type.trim() || 'none', charset: charset ?? 'utf-8' };
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new WrongBody('a body in UTF-8', 'invalid UTF-8');
  }
}

export function header(response: Pick<SmokeResponse, 'headers'>, name: string): string {
  return [response.headers[name] ?? []].flat().join(', ').trim();
}

/** Nesting depth of a JSON text, without the brackets in its strings. Scans character by character: a regular expression would backtrack on an unterminated string. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}
