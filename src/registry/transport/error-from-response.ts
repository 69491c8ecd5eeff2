import { type HttpAnswer, type HttpRequest, type NoAnswer, redacted } from '../../net/http.js';
import { retryAfterMs } from '../../net/retry-after.js';
import { parseChallenges } from '../auth/challenge.js';
import type { Registry } from '../context.js';
import type { Endpoint } from './endpoint.js';
import { kindOf, RegistryError, type RegistryErrorKind } from './errors.js';
import { hintFor } from './hints.js';
import { oneLine, type ServerMessage, serverMessage } from './server-message.js';

/** The request that failed. */
export interface Failed {
  method: HttpRequest['method'];
  url: URL;
  endpoint: Endpoint;
  hadCredentials?: boolean;
  /** Where the answer came from, after redirects. */
  answeredBy?: URL;
  /** Size of the request's body. */
  sentBytes?: number;
  for?: 'token';
}

const REFUSALS: RegistryErrorKind[] = ['not-found', 'unauthorized', 'denied'];

/** Error for an answer without success: what, where, the server's message, the hint. */
export function refusal(registry: Registry, failed: Failed, answer: HttpAnswer): RegistryError {
  const { method, endpoint, hadCredentials } = failed;
  const { status, headers } = answer;
  const away = failed.answeredBy !== undefined && failed.answeredBy.origin !== endpoint.origin;
  // The message of a storage behind the registry may repeat the signed URL of the request.
  const shown: ServerMessage = away
    ? { text: 'its message is not repeated' }
    : serverMessage(answer.body, [...registry.auth.secrets, ...registry.network.secrets]);
  const error = parseChallenges(headers['www-authenticate']).find(({ params }) => params.error)?.params.error;
  const challengeError = error && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
  const redirect = redirectOf(status, headers.location, failed.answeredBy ?? failed.url);
  const message = [redirect ?? shown.text, challengeError && `(${challengeError})`].filter(Boolean).join(' ');
  const isLimited = headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
  const seen = {
    method,
    isOfTag: method === 'PUT' && failed.url.pathname.includes('/manifests/'),
    status,
    message,
    isLimited,
    ...(shown.code && { code: shown.code }),
    ...(challengeError && { challengeError }),
  };
  let kind = kindOf(seen);
  // A 404 is about the manifest only if the registry itself sends it: `not-found` is read as a missing tag.
  if (kind === 'not-found' && failed.for === 'token') kind = 'rejected';
  // Signed URLs expire; the registry makes new ones.
  if (away && REFUSALS.includes(kind)) kind = 'transient';
  const hint = hintFor({
    ...seen,
    kind,
    host: endpoint.host,
    ...(hadCredentials !== undefined && { hadCredentials }),
    ...(failed.sentBytes !== undefined && { sentBytes: failed.sentBytes }),
  });
  const retryAfter = kind === 'transient' ? retryAfterMs(headers, message) : undefined;
  const url = redacted(failed.url);
  const where = `${method} ${url}${away ? ` (redirected to ${failed.answeredBy?.host})` : ''}: status ${status}`;
  return new RegistryError(kind, line(where, shown.code, message || 'no message'), {
    method,
    url,
    status,
    ...(shown.code && { code: shown.code }),
    ...(hint && { hint }),
    ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
  });
}

/** Where an answer sends a request that follows no redirect; null if it does not. */
function redirectOf(status: number, location: string | string[] | undefined, from: URL): string | null {
  const to = [location ?? []].flat()[0];
  if (status < 300 || status > 399 || to === undefined || !URL.canParse(to, from.href)) return null;
  return `redirects to ${redacted(new URL(to, from))}`;
}

/** Error for a request without a complete answer. */
export function noAnswer(
  { method, url, maxBytes }: Pick<HttpRequest, 'method' | 'url' | 'maxBytes'>,
  error: NoAnswer,
): RegistryError {
  const { code, what, fix } = error.failure;
  const tooLarge = code === 'too-large';
  const kind = tooLarge ? 'integrity' : 'transient';
  const hint = fix ?? hintFor({ kind, method, host: url.host, code, message: '' });
  const message = tooLarge ? `the answer has more than ${maxBytes} bytes, the most that is read` : oneLine(what);
  return new RegistryError(kind, line(`${method} ${redacted(url)}`, undefined, message), {
    method,
    url: redacted(url),
    code,
    ...(hint && { hint }),
    cause: error,
  });
}

function line(where: string, code: string | undefined, message: string): string {
  return `${where}${code ? ` ${code}` : ''}: ${message}`;
}
