import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { MAX_BODY, type Told } from './http.js';

/** Deeper JSON is no answer of an API; a schema that calls itself would run out of stack on it. */
export const MAX_DEPTH = 100;

/** What is wrong with a body, before any schema sees it. */
export class WrongBody extends Error {
  override readonly name = 'WrongBody';
  constructor(
    readonly expected: string,
    readonly got: string,
  ) {
    super(`expected ${expected}, got ${got}`);
  }
}

const UNPACK: Record<string, (packed: Buffer, bound: { maxOutputLength: number }) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** The JSON of an answer of this content type, in UTF-8, within the limits of size and depth.
 * @throws {WrongBody} */
export async function readJson(told: Told, type: string): Promise<unknown> {
  const given = contentType(told);
  if (given.type !== type) throw new WrongBody(`content type ${type}`, given.type);
  if (!['utf-8', 'utf8', 'us-ascii'].includes(given.charset)) throw new WrongBody('charset utf-8', given.charset);
  const text = decode(await unpack(told));
  if (depthOf(text) > MAX_DEPTH) throw new WrongBody(`JSON at most ${MAX_DEPTH} deep`, 'deeper JSON');
  try {
    return JSON.parse(text);
  } catch {
    throw new WrongBody('JSON', text || 'an empty body');
  }
}

/** The start of a body as text, for showing it; unpacked where that is possible. */
export async function bodyText(told: Told): Promise<string> {
  if (told.cut !== null && told.cut !== 'too-large') return '';
  const body = await unpack(told).catch(() => Buffer.alloc(0));
  // What was cut off may have been the rest of a secret.
  return (told.cut === null ? body : body.subarray(0, -8_192)).toString('utf8');
}

async function unpack(told: Told): Promise<Buffer> {
  const coding = header(told, 'content-encoding').toLowerCase();
  if (coding === '' || coding === 'identity') return told.body;
  const with_ = Object.hasOwn(UNPACK, coding) ? UNPACK[coding] : undefined;
  if (!with_) throw new WrongBody('content encoding gzip, deflate, br or none', coding);
  try {
    // A few bytes can unpack to gigabytes: the bound stops that, not the end of the memory.
    return await with_(told.body, { maxOutputLength: MAX_BODY });
  } catch (error) {
    const large = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw large ? tooLarge() : new WrongBody(`a body in ${coding}`, 'something else');
  }
}

export const tooLarge = (start = '') => new WrongBody('a body of at most 1 MiB', start ? `more: ${start}` : 'more');

function contentType(told: Told): { type: string; charset: string } {
  const [type = '', ...parameters] = header(told, 'content-type').toLowerCase().split(';');
  const charset = parameters.map((part) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(part)?.[1]).find(Boolean);
  return { type: type.trim() || 'none', charset: charset ?? 'utf-8' };
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new WrongBody('a body in UTF-8', 'bytes that are none');
  }
}

export function header(told: Pick<Told, 'headers'>, name: string): string {
  return [told.headers[name] ?? []].flat().join(', ').trim();
}

/** How deep the brackets of a JSON text go; brackets in its strings do not count. Character by character: a pattern would go back and forth on a string without end. */
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
