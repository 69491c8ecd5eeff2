import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { oneLine } from '../domain/markdown.js';
import { DIRECT, type Network } from '../net/network.js';
import { createRedactor } from '../net/redact.js';
import type { TlsMaterial } from '../net/trust.js';
import type { CheckRequest, Values } from './check.js';
import { type SmokeResponse, sendRequest } from './http.js';
import type { JudgeContext } from './kinds/judge.js';
import { fillJson, fillPath, namesIn, SuiteFault } from './values.js';
import type { SmokeWaits } from './waits.js';

/** Token and headers of a tenant; looked up by its origin at use, and never part of a plan or a result. */
export interface Access {
  /** Empty for a production tenant without one: only checks that need none are run on it. */
  token: string;
  /** Headers of every request, whatever its credentials. */
  headers: Readonly<Record<string, string>>;
  /** How it is reached; directly if left out. */
  network?: Network;
  /** Its own authorities and client certificate. */
  tls?: TlsMaterial;
  /** Header of the token; `Authorization`, as a Bearer token, if left out. */
  tokenHeader?: string;
  /** `user:password` of what stands before the tenant; sent with every request. */
  edgeLogin?: string;
}

/** State of the smoke of one tenant. */
export interface Session {
  waits: SmokeWaits;
  /** Rest of the retry budget, in milliseconds. */
  retryBudgetMs: number;
  send: (request: CheckRequest, values: Values, signal: AbortSignal) => Promise<SmokeResponse>;
  /** Adds a captured value. One that the suite uses as a token is redacted from then on. */
  addCaptured: (name: string, value: string) => void;
  redact: (text: string) => string;
  /** What the judges of the suite know of the tenant. */
  judge: JudgeContext;
}

/** User agent of every request: some proxies refuse requests without one. */
export const USER_AGENT = 'canary-release-gate';

/** Token of `wrong` credentials, which no tenant accepts. */
const WRONG_TOKEN = 'wrong-token-of-the-smoke-suite';

/** Creates the session of a tenant. `dispatcher` must be limited to the origin of the tenant, so that a token cannot reach another host. `requests`: all that the suite may send to it. */
export function createSession(
  dispatcher: Dispatcher,
  origin: string,
  access: Access,
  requests: readonly CheckRequest[],
  waits: SmokeWaits,
  judged: Pick<JudgeContext, 'tenant' | 'access' | 'window'>,
): Session {
  const tokens = new Set(requests.flatMap(({ as }) => (typeof as === 'object' ? [as.captured] : [])));
  const secrets = new Set([
    access.token,
    ...Object.values(access.headers),
    ...edgeSecrets(access),
    ...(access.network?.secrets ?? []),
  ]);
  const ownHeaders = Object.fromEntries(
    Object.entries(access.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  let redact = createResultText(secrets);
  return {
    waits,
    retryBudgetMs: waits.retryBudgetMs,
    async send(request, values, signal) {
      const missing = namesIn([request.path, request.json]).find((name) => !Object.hasOwn(values, name));
      if (missing !== undefined) throw new SuiteFault(`${missing} was not captured`);
      const url = new URL(fillPath(request.path, values), origin);
      if (url.origin !== origin || !request.path.startsWith('/'))
        throw new SuiteFault('the path leads to another origin');
      const token = tokenOf(request, values, access);
      const hasBody = request.json !== undefined;
      const headers = {
        'user-agent': USER_AGENT,
        ...ownHeaders,
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...edgeHeaders(access),
        ...(token !== undefined && tokenHeaders(access, token)),
        ...(hasBody && { 'content-type': 'application/json' }),
      };
      const body = hasBody ? JSON.stringify(fillJson(request.json, values)) : null;
      const path = url.pathname + url.search;
      const { network = DIRECT } = access;
      const sent = { method: request.method, origin, path, headers, body };
      return sendRequest(dispatcher, sent, { timeoutMs: waits.requestMs, network }, signal);
    },
    addCaptured(name, value) {
      if (tokens.has(name)) redact = createResultText(secrets.add(value));
    },
    redact: (text) => redact(text),
    judge: {
      ...judged,
      requestMs: waits.requestMs,
      hide(secret) {
        if (!secrets.has(secret)) redact = createResultText(secrets.add(secret));
      },
    },
  };
}

const basicOf = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;

/** Headers for what stands before a tenant. */
export const edgeHeaders = ({ edgeLogin }: Pick<Access, 'edgeLogin'>): Record<string, string> =>
  edgeLogin === undefined ? {} : { authorization: basicOf(edgeLogin) };

const edgeSecrets = ({ edgeLogin }: Access) =>
  edgeLogin === undefined
    ? []
    : [edgeLogin.slice(edgeLogin.indexOf(':') + 1), basicOf(edgeLogin).slice('Basic '.length)];

const tokenHeaders = ({ tokenHeader }: Access, token: string): Record<string, string> =>
  tokenHeader === undefined ? { authorization: `Bearer ${token}` } : { [tokenHeader.toLowerCase()]: token };

function tokenOf({ as }: CheckRequest, values: Values, access: Access): string | undefined {
  if (as === 'admin') return access.token;
  if (as === 'none') return undefined;
  if (as === 'wrong') return WRONG_TOKEN;
  const token = values[as.captured];
  if (token === undefined) throw new SuiteFault(`${as.captured} was not captured`);
  return token;
}

/** Waits before a retry, at least `minPauseMs`. Returns false at once if the pause exceeds the rest of the retry budget. */
export async function waitForRetry(
  session: Session,
  tries: number,
  minPauseMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { pauseMs, maxPauseMs } = session.waits;
  const pause = Math.max(minPauseMs, Math.min(pauseMs * 2 ** (tries - 1), maxPauseMs));
  if (pause > session.retryBudgetMs) return false;
  session.retryBudgetMs -= pause;
  await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
  return true;
}

/** Longest text that a result shows of an answer, in characters. */
const MAX_SHOWN = 200;
/** Longest part of a text that is searched for secrets, in characters: a search takes up to 3 µs for each. What it leaves of a secret at its end is shorter than a run. */
const MAX_SEARCHED = 16 * 1024;

/** Returns a function that prepares a text for a result: it redacts the secrets, replaces blanks and control characters, and cuts the text, in this order. */
export function createResultText(secrets: Iterable<string>): (text: string) => string {
  const redact = createRedactor(secrets);
  return (text) => oneLine(redact(text.trimStart().slice(0, MAX_SEARCHED)), MAX_SHOWN);
}
