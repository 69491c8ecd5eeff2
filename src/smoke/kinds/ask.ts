import * as z from 'zod';
import { isProtected } from '../../net/loopback.js';
import { openPool } from '../../net/pool.js';
import { retryAfterMs } from '../../net/retry-after.js';
import { isUnavailable } from '../answer/edge.js';
import { sendRequest } from '../http.js';
import { bodyText, readJson, WrongBody } from '../read-json.js';
import { fillPath } from '../values.js';
import {
  type JudgeContext,
  judgeValues,
  NoJudgement,
  requireAccess,
  type SecretSource,
  SOURCE,
  secretOf,
} from './judge.js';
import { invalidNames } from './kind.js';

// How a judge asks a server for JSON.

const isUrl = (text: string) => {
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.hash === '';
};

/** Address of a server, without a login: it may have a path before the API's own. */
export const ADDRESS = z
  .string('must be an address, e.g. https://prometheus.example.com')
  .refine(isUrl, 'must be an address without a login, e.g. https://prometheus.example.com');

/** Fields of a judge that asks by HTTP. */
export const ASKING = {
  url: ADDRESS,
  token: SOURCE.optional(),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
      z.union(
        [z.string().regex(/^[\x20-\x7e]{1,1000}$/, 'must be up to 1000 characters of ASCII, without controls'), SOURCE],
        'must be a text, { env: "NAME" } or { file: "PATH" }',
      ),
      invalidNames('headers'),
    )
    .optional(),
};

/** What a judge that asks by HTTP may have. */
export interface Asking {
  url: string;
  /** Sent as a Bearer token. */
  token?: SecretSource;
  /** Sent with every request; a secret by its source. */
  headers?: Readonly<Record<string, string | SecretSource>>;
}

/** A secret goes over https, or to this machine. @param isWhole whether the address may have a query, as nothing follows it. */
export function askingProblems({ url, token, headers = {} }: Asking, isWhole = false): string[] {
  const { hostname, search } = new URL(url);
  const isSecret = token !== undefined || Object.values(headers).some((value) => typeof value === 'object');
  return [
    ...(isSecret && !isProtected(new URL(url))
      ? [`sends a secret over plain http to ${hostname}: it goes over https, or to this machine only`]
      : []),
    ...(search !== '' && !isWhole ? ['url has a query: write the address that its API begins with'] : []),
  ];
}

/** Asks once for JSON. `path` follows the path of the address; it has `{names}`.
 * @returns any answer with a status of 2xx.
 * @throws {NoJudgement} for any other, and for what is not JSON; {NoResponse}. */
export async function askJson(
  context: JudgeContext,
  { url, token, headers = {} }: Asking,
  path: string,
  probe: string,
  signal: AbortSignal,
): Promise<{ json: unknown; status: number }> {
  const { network } = requireAccess(context);
  const target = new URL(fillPath(path === '' ? url : url.replace(/\/+$/, '') + path, judgeValues(context, probe)));
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), secretOf(context, value)]);
  const request = {
    method: 'GET' as const,
    origin: target.origin,
    path: target.pathname + target.search,
    headers: {
      'user-agent': 'canary-release-gate',
      accept: 'application/json',
      'accept-encoding': 'identity',
      ...(token && { authorization: `Bearer ${secretOf(context, token)}` }),
      ...Object.fromEntries(own),
    },
    body: null,
  };
  const pool = openPool({ network, connectMs: context.requestMs, connections: 1 });
  try {
    const response = await sendRequest(pool, request, { timeoutMs: context.requestMs, network }, signal);
    const { status } = response;
    const again = isUnavailable(status) ? (retryAfterMs(response.headers) ?? 0) : undefined;
    if (status < 200 || status > 299)
      throw new NoJudgement('status 200', `status ${status}: ${await bodyText(response)}`, status, again);
    if (response.incomplete !== null)
      throw new NoJudgement('a complete answer of at most 1 MiB', response.incomplete, status, 0);
    return { json: await readJson(response, 'application/json'), status };
  } catch (error) {
    if (!(error instanceof WrongBody)) throw error;
    throw new NoJudgement(error.expected, error.got);
  } finally {
    await pool.destroy();
  }
}

/** What `schema` reads of an answer.
 * @throws {NoJudgement} naming the field. */
export function readAnswer<S extends z.ZodType>(schema: S, json: unknown, status: number): z.output<S> {
  const { success, data, error } = schema.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  throw new NoJudgement(
    `${issue?.path.map(String).join('.') || 'the answer'}: ${issue?.message}`,
    'another shape',
    status,
  );
}
