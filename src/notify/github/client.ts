import { setTimeout as delay } from 'node:timers/promises';
import type { Network } from '../../net/network.js';
import { dateOf, retryAfterMs } from '../../net/retry-after.js';
import { ask, SinkError } from '../sink.js';

/** GitHub's REST API, for one repository. */
export interface GitHub {
  /** Sends a request; `path` begins after `/repos/OWNER/NAME`. Null for 404 of a GET.
   * @throws {SinkError} for every other answer than 2xx. */
  request(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<unknown>;
}

/** How GitHub is reached. */
export interface GitHubAccess {
  /** Address of the API, e.g. https://api.github.com. */
  api: string;
  /** `owner/name`. */
  repository: string;
  /** Token as it is now. `refused` is the one that GitHub refused last, if the last request was refused. */
  token: (refused?: string) => Promise<string>;
  network: Network;
  /** Least time between two requests that write, in milliseconds: GitHub asks for a second. Tests shorten it. */
  pauseMs?: number;
}

const NAME = 'github';
/** Pause after a secondary rate limit that names none, in milliseconds: GitHub asks for a minute at least. */
const SECONDARY_MS = 60_000;
const VERSION = '2022-11-28';

export const githubHeaders = (token: string) => ({
  accept: 'application/vnd.github+json',
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  'user-agent': 'canary-release-gate',
  'x-github-api-version': VERSION,
});

export function githubClient({ api, repository, token, network, pauseMs = 1_000 }: GitHubAccess): GitHub {
  let wroteAt = Number.NEGATIVE_INFINITY;
  let refused: string | undefined;
  return {
    async request(method, path, body) {
      if (method !== 'GET') {
        const restMs = wroteAt + pauseMs - performance.now();
        if (restMs > 0) await delay(restMs);
        wroteAt = performance.now();
      }
      const used = await token(refused);
      const answer = await ask(NAME, network, {
        method,
        url: new URL(`${api.replace(/\/+$/, '')}/repos/${repository}${path}`),
        headers: githubHeaders(used),
        ...(body && { body: JSON.stringify(body) }),
      });
      refused = answer.status === 401 || answer.status === 403 ? used : undefined;
      if (answer.status === 404 && method === 'GET') return null;
      return githubJson(
        `${method} ${path.replace(/\?.*|[0-9a-f]{7,}/g, (part) => (part.startsWith('?') ? '' : '…'))}`,
        answer,
      );
    },
  };
}

/** JSON of an answer.
 * @throws {SinkError} unless it is 2xx. */
export function githubJson(what: string, { status, headers, body }: Awaited<ReturnType<typeof ask>>): unknown {
  const text = body.toString('utf8');
  if (status >= 200 && status < 300)
    try {
      return text === '' ? null : JSON.parse(text);
    } catch {
      throw new SinkError(`${NAME}: ${what} answered ${status} without JSON`);
    }
  const isLimit =
    status === 429 || (status === 403 && (headers['retry-after'] !== undefined || isLimited(headers, text)));
  if (isLimit) throw new SinkError(`${NAME}: rate limit (${status})`, { retryAfterMs: limitMs(headers) });
  // A token that is rotated may be allowed to later: 401, 403 and 404 are retried.
  const isFinal = status === 422 || status === 410;
  throw new SinkError(`${NAME}: ${what} answered ${status}`, { isFinal, isDenied: status === 403 || status === 404 });
}

type Headers = Record<string, string | string[] | undefined>;

const isLimited = (headers: Headers, text: string) =>
  headers['x-ratelimit-remaining'] === '0' || /secondary rate limit/i.test(text);

/** How long a limit lasts, in milliseconds. */
function limitMs(headers: Headers): number {
  const asked = retryAfterMs(headers);
  if (asked !== undefined) return asked;
  const reset = Number(headers['x-ratelimit-reset']);
  if (headers['x-ratelimit-remaining'] === '0' && reset > 0)
    return (
      retryAfterMs({ 'retry-after': String(Math.max(1, Math.ceil(reset - dateOf(headers) / 1000))) }) ?? SECONDARY_MS
    );
  return SECONDARY_MS;
}
