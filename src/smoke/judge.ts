import type { z } from 'zod';
import type { Verdict } from '../contract/check.js';
import { retryAfterMs } from '../net/retry-after.js';
import { type Told, Unanswered } from './http.js';
import { bodyText, header, readJson, tooLarge, WrongBody } from './read-json.js';
import type { Answer, Step, Values } from './suite.js';
import { capturedAt, SuiteFault, strictValues } from './values.js';

/** What became of one step. */
export interface Judgement {
  verdict: Verdict;
  expected: string;
  got: string;
  schemaPath?: string;
  /** Asking again may help, after as many milliseconds as the answer says. */
  againAfterMs?: number;
  captured?: Record<string, string>;
}

/** The tenant, or what stands before it, is not there or wants to be left alone: no word about the build. */
export const NOT_ANSWERING = [429, 502, 503, 504];
const REFUSED = [401, 403];

/** An answer against what it must be. The status decides first: only what has the right one is read. */
export async function judge(step: Step, told: Told, values: Values): Promise<Judgement> {
  const { answer, request } = step;
  if (told.status !== answer.status) {
    const expected = `status ${answer.status}`;
    const got = await shownAnswer(told);
    if (NOT_ANSWERING.includes(told.status))
      return { verdict: 'could-not-test', expected, got, againAfterMs: retryAfterMs(told.headers['retry-after']) ?? 0 };
    // A token that was rotated must not flag a build.
    if (request.as === 'admin' && REFUSED.includes(told.status))
      return { verdict: 'could-not-test', expected: 'our own token accepted', got: `token refused: ${got}` };
    return { verdict: 'fail', expected, got };
  }
  if (told.cut !== null && told.cut !== 'too-large')
    return { verdict: 'could-not-test', expected: 'a whole answer', got: told.cut, againAfterMs: 0 };
  try {
    if (told.cut === 'too-large') throw tooLarge((await bodyText(told)).trim());
    return await judgeBody(answer, step.capture ?? {}, told, values);
  } catch (error) {
    if (!(error instanceof WrongBody)) throw error;
    return { verdict: 'fail', expected: error.expected, got: error.got };
  }
}

async function judgeBody(
  answer: Answer,
  capture: Readonly<Record<string, string>>,
  told: Told,
  values: Values,
): Promise<Judgement> {
  if (!answer.json && Object.keys(capture).length === 0) return { verdict: 'pass', expected: '', got: '' };
  const json = await readJson(told, answer.type ?? 'application/json');
  const wrong = answer.json && mismatch(answer.json, json, values);
  if (wrong) return { verdict: 'fail', ...wrong, got: await bodyText(told) };
  const captured: Record<string, string> = {};
  for (const [name, path] of Object.entries(capture)) {
    const value = capturedAt(json, path);
    if (value === undefined)
      return { verdict: 'fail', expected: `${path}: a text to capture as ${name}`, got: await bodyText(told) };
    captured[name] = value;
  }
  return { verdict: 'pass', expected: '', got: '', captured };
}

function mismatch(wanted: NonNullable<Answer['json']>, json: unknown, values: Values) {
  const schema = typeof wanted === 'function' ? wanted(strictValues(values)) : wanted;
  const result = schema.safeParse(json);
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const path = issue?.path ?? [];
  return {
    expected: `${path.map(String).join('.') || 'the body'}: ${issue?.message}`,
    schemaPath: schemaPath(schema, path),
  };
}

async function shownAnswer(told: Told): Promise<string> {
  const location = header(told, 'location');
  const text = location ? `to ${location.replace(/[?#].*$/s, '')}` : await bodyText(told);
  return `status ${told.status}${text.trim() ? `: ${text}` : ''}`;
}

/** Codes of an answer that came and was none. Everything else that keeps an answer away says nothing about the build. */
const NO_HTTP = /^(?:HPE_|HTTPParserError|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/;

/** An exchange without an answer, or code of the suite that threw: what a suite does wrong is no word about the build either. */
export function judgeError(error: unknown): Judgement {
  if (error instanceof Unanswered)
    return NO_HTTP.test(error.code)
      ? { verdict: 'fail', expected: 'an answer in HTTP', got: error.code }
      : { verdict: 'could-not-test', expected: 'an answer', got: error.code, againAfterMs: 0 };
  const told = error instanceof SuiteFault ? error.message : String(error);
  return { verdict: 'could-not-test', expected: 'a check without a fault of its own', got: told };
}

interface Def {
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  items?: z.ZodType[];
  valueType?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
}

/** Where in a schema something did not fit: `$[0].content`. Only keys that the suite itself has written are told; a key of the answer is `*`, for this may be shown to anybody. */
export function schemaPath(schema: z.ZodType, path: readonly PropertyKey[]): string {
  let at: z.ZodType | undefined = schema;
  let text = '$';
  for (const key of path) {
    const def = defOf(at);
    at = undefined;
    if (typeof key === 'number') {
      at = def.items?.[key] ?? def.element;
      text += `[${key}]`;
    } else if (def.shape && typeof key === 'string' && Object.hasOwn(def.shape, key)) {
      at = def.shape[key];
      text += `.${key}`;
    } else {
      at = def.valueType;
      text += '.*';
    }
  }
  return text;
}

/** The definition under optional, default, pipe and the like. */
function defOf(schema: z.ZodType | undefined): Def {
  let def = (schema as { def?: Def } | undefined)?.def ?? {};
  for (let inner = def.innerType ?? def.in; inner !== undefined; inner = def.innerType ?? def.in)
    def = (inner as unknown as { def?: Def }).def ?? {};
  return def;
}
