import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { formsOf, SHORT } from '../net/redact.js';
import { ask, type Told } from './http.js';
import type { CheckRequest, Suite, Values } from './suite.js';
import { fillJson, fillPath, namesIn, SuiteFault } from './values.js';
import type { SmokeWaits } from './waits.js';

/** What a tenant is asked with; looked up by its origin where it is used, and never part of a plan or a result. */
export interface Access {
  token: string;
  /** Sent with every request, whatever its credentials. */
  headers: Readonly<Record<string, string>>;
}

/** The smoke of one tenant while it goes on. */
export interface Session {
  waits: SmokeWaits;
  /** What is left of the patience with a tenant that does not answer. */
  retryBudgetMs: number;
  ask: (request: CheckRequest, values: Values, signal: AbortSignal) => Promise<Told>;
  /** Notes what was captured: what the suite uses as a token is a secret from then on. */
  keep: (name: string, value: string) => void;
  hide: (text: string) => string;
}

/** Some edges turn away who does not say what it is. */
export const USER_AGENT = 'canary-release-gate';

/** The token that `wrong` credentials send: no tenant accepts it. */
const WRONG_TOKEN = 'wrong-token-of-the-smoke-suite';

/** `dispatcher` must be limited to this tenant's origin: a token cannot reach another host. */
export function createSession(
  dispatcher: Dispatcher,
  origin: string,
  access: Access,
  suite: Suite,
  waits: SmokeWaits,
): Session {
  const requests = suite.flatMap(({ steps, cleanUp = [] }) => [...steps.map(({ request }) => request), ...cleanUp]);
  const tokens = new Set(requests.flatMap(({ as }) => (typeof as === 'object' ? [as.captured] : [])));
  const secrets = new Set([access.token, ...Object.values(access.headers)]);
  const own = Object.fromEntries(Object.entries(access.headers).map(([name, value]) => [name.toLowerCase(), value]));
  let hide = createHider(secrets);
  return {
    waits,
    retryBudgetMs: waits.retryBudgetMs,
    async ask(request, values, signal) {
      const missing = namesIn([request.path, request.json]).find((name) => !Object.hasOwn(values, name));
      if (missing !== undefined) throw new SuiteFault(`nothing has captured ${missing}`);
      const url = new URL(fillPath(request.path, values), origin);
      if (url.origin !== origin || !request.path.startsWith('/'))
        throw new SuiteFault('the path leads to another origin');
      const token = tokenOf(request, values, access);
      const hasBody = request.json !== undefined;
      const headers = {
        'user-agent': USER_AGENT,
        ...own,
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(hasBody && { 'content-type': 'application/json' }),
      };
      const body = hasBody ? JSON.stringify(fillJson(request.json, values)) : null;
      const asked = { method: request.method, path: url.pathname + url.search, headers, body };
      return ask(dispatcher, asked, waits.requestMs, signal);
    },
    keep(name, value) {
      if (tokens.has(name)) hide = createHider(secrets.add(value));
    },
    hide: (text) => hide(text),
  };
}

function tokenOf({ as }: CheckRequest, values: Values, access: Access): string | undefined {
  if (as === 'admin') return access.token;
  if (as === 'none') return undefined;
  if (as === 'wrong') return WRONG_TOKEN;
  const token = values[as.captured];
  if (token === undefined) throw new SuiteFault(`nothing has captured ${as.captured}`);
  return token;
}

/** Waits before the next try, as long as the tenant asks for; false at once where that is more than what is left of the patience. */
export async function another(session: Session, tries: number, afterMs: number, signal: AbortSignal): Promise<boolean> {
  const { pauseMs, maxPauseMs } = session.waits;
  const pause = Math.max(afterMs, Math.min(pauseMs * 2 ** (tries - 1), maxPauseMs));
  if (pause > session.retryBudgetMs) return false;
  session.retryBudgetMs -= pause;
  await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
  return true;
}

/** What is shown of an answer, and of a message about it. */
const MAX_SHOWN = 200;
const HIDDEN = '[secret]';

/** Makes texts fit to be shown: without the secrets in any of their forms, without control characters, and cut, in this order. */
export function createHider(secrets: Iterable<string>): (text: string) => string {
  const forms = [...new Set([...secrets].filter(Boolean).flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const patterns = forms.map((form) => (form.length < SHORT ? `(?<!\\w)${escaped(form)}(?!\\w)` : escaped(form)));
  const any = patterns.length > 0 ? new RegExp(patterns.join('|'), 'g') : null;
  return (text) => {
    const clear = any ? text.replace(any, HIDDEN) : text;
    const shown = clear.replace(/[\s\p{C}]+/gu, ' ').trim();
    return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN - 1).replace(/[\ud800-\udbff]$/, '')}…` : shown;
  };
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
