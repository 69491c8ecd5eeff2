import type { z } from 'zod';
import type { Verdict } from '../contract/tenants/check.js';
import { retryAfterMs } from '../net/retry-after.js';
import { type Failure, isLasting } from '../net/unreachable.js';
import { isMarkedAsEdge, isOfEdge, isUnavailable } from './answer/edge.js';
import type { Answer, Step, Values } from './check.js';
import { NoResponse, type SmokeResponse } from './http.js';
import { bodyText, header, readJson, tooLarge, WrongBody } from './read-json.js';
import { capturedAt, SuiteFault, strictValues } from './values.js';

/** Result of one step. */
export interface Evaluation {
  verdict: Verdict;
  expected: string;
  got: string;
  schemaPath?: string;
  /** Minimum pause before a retry, in milliseconds, from `Retry-After`. Left out if a retry cannot help. */
  retryInMs?: number;
  captured?: Record<string, string>;
  /** What a judge measured. */
  measured?: string;
}

const UNAUTHORIZED = [401, 403];

/** Compares a response with the expected answer. The status comes first: a body is read only if the status is the expected one. */
export async function evaluateResponse(step: Step, response: SmokeResponse, values: Values): Promise<Evaluation> {
  const { answer, request } = step;
  if (response.status !== answer.status || isMarkedAsEdge(response.headers)) {
    const expected = `status ${answer.status}`;
    const got = await responseText(response);
    if (isUnavailable(response.status))
      return {
        verdict: 'could-not-test',
        expected,
        got,
        retryInMs: retryAfterMs(response.headers) ?? 0,
      };
    // A tenant does not send a request with its own token on to a login.
    if (isOfEdge(response) || (request.as === 'admin' && response.redirect !== null))
      return { verdict: 'could-not-test', expected, got: `${got} (is there a login before the tenant?)` };
    // A rotated token must not make a build RED.
    if (request.as === 'admin' && UNAUTHORIZED.includes(response.status))
      return { verdict: 'could-not-test', expected: 'our own token accepted', got: `token refused: ${got}` };
    return { verdict: 'fail', expected, got };
  }
  if (response.incomplete !== null && response.incomplete !== 'too-large')
    return { verdict: 'could-not-test', expected: 'a complete answer', got: response.incomplete, retryInMs: 0 };
  try {
    if (response.incomplete === 'too-large') throw tooLarge((await bodyText(response)).trim());
    return await evaluateBody(answer, step.capture ?? {}, response, values);
  } catch (error) {
    if (!(error instanceof WrongBody)) throw error;
    return { verdict: 'fail', expected: error.expected, got: error.got };
  }
}

async function evaluateBody(
  answer: Answer,
  capture: Readonly<Record<string, string>>,
  response: SmokeResponse,
  values: Values,
): Promise<Evaluation> {
  if (!answer.json && Object.keys(capture).length === 0) return { verdict: 'pass', expected: '', got: '' };
  const json = await readJson(response, answer.type ?? 'application/json');
  const wrong = answer.json && mismatch(answer.json, json, values);
  if (wrong) return { verdict: 'fail', ...wrong, got: await bodyText(response) };
  const captured: Record<string, string> = {};
  for (const [name, path] of Object.entries(capture)) {
    const value = capturedAt(json, path);
    if (value === undefined)
      return {
        verdict: 'fail',
        expected: `${path}: a string or number to capture as ${name}`,
        got: await bodyText(response),
      };
    captured[name] = value;
  }
  return { verdict: 'pass', expected: '', got: '', captured };
}

function mismatch(expected: NonNullable<Answer['json']>, json: unknown, values: Values) {
  const schema = typeof expected === 'function' ? expected(strictValues(values)) : expected;
  const result = schema.safeParse(json);
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const path = issue?.path ?? [];
  return {
    expected: `${path.map(String).join('.') || 'the body'}: ${issue?.message}`,
    schemaPath: schemaPath(schema, path),
  };
}

async function responseText(response: SmokeResponse): Promise<string> {
  const location = header(response, 'location');
  const text = location ? `to ${location.replace(/[?#].*$/s, '')}` : await bodyText(response);
  return `status ${response.status}${text.trim() ? `: ${text}` : ''}`;
}

/** Error codes of a response that is not valid HTTP: a fail. Any other failed request says nothing about the build. */
const INVALID_HTTP = /^(?:HPE_|HTTPParserError|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/;

/** Evaluates a request without a response, or code of the suite that threw. A defect of the suite says nothing about the build. */
export function evaluateError(error: unknown): Evaluation {
  if (error instanceof NoResponse) return unanswered(error.failure);
  const got = error instanceof SuiteFault ? error.message : String(error);
  return { verdict: 'could-not-test', expected: 'a check that does not throw', got };
}

function unanswered(failure: Failure): Evaluation {
  const { code, what, fix } = failure;
  if (INVALID_HTTP.test(code)) return { verdict: 'fail', expected: 'an answer in HTTP', got: code };
  const got = fix === undefined ? what : `${what} (${fix})`;
  return { verdict: 'could-not-test', expected: 'an answer', got, ...(!isLasting(failure) && { retryInMs: 0 }) };
}

interface Def {
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  items?: z.ZodType[];
  valueType?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
}

/** Path in a schema of what did not match: `$[0].content`. It is public, so it contains only keys that the schema names; any other key of the answer is `*`. */
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

/** Definition inside wrappers such as optional, default and pipe. */
function defOf(schema: z.ZodType | undefined): Def {
  let def = (schema as { def?: Def } | undefined)?.def ?? {};
  for (let inner = def.innerType ?? def.in; inner !== undefined; inner = def.innerType ?? def.in)
    def = (inner as unknown as { def?: Def }).def ?? {};
  return def;
}
