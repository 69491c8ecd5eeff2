import { type HttpAnswer, type HttpRequest, type NoAnswer, redacted } from '../../net/http.js';
import { retryAfterMs } from '../../net/retry-after.js';
import { chooseChallenge } from '../auth/challenge.js';
import type { Registry } from '../context.js';
import type { Endpoint } from './endpoint.js';
import { kindOf, RegistryError, type RegistryErrorKind } from './errors.js';
import { mendOf } from './hints.js';
import { oneLine, type ServerWords, serverWords } from './server-message.js';

/** The request that failed. */
export interface Failed {
  method: HttpRequest['method'];
  url: URL;
  endpoint: Endpoint;
  hadCredentials?: boolean;
  /** It sent an If-Match. */
  conditional?: boolean;
  /** Whose answer it is when the registry sent us on. */
  answeredBy?: URL;
  for?: 'token';
}

const REFUSALS: RegistryErrorKind[] = ['not-found', 'unauthorized', 'denied'];

/** The error for an answer that is not a success: what, where, the server's words, the mend. */
export function refusal(registry: Registry, failed: Failed, answer: HttpAnswer): RegistryError {
  const { method, endpoint, hadCredentials, conditional } = failed;
  const { status, headers } = answer;
  const away = failed.answeredBy !== undefined && failed.answeredBy.origin !== endpoint.origin;
  // A storage's words would tell nothing of the registry, but may repeat the signed URL that it was asked by.
  const said: ServerWords = away
    ? { text: 'its words are not repeated' }
    : serverWords(answer.body, registry.auth.secrets);
  const error = chooseChallenge(headers['www-authenticate'])?.params.error;
  const challengeError = error && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
  const words = [said.text, challengeError && `(${challengeError})`].filter(Boolean).join(' ');
  const seen = { status, words, ...(said.code && { code: said.code }), ...(challengeError && { challengeError }) };
  let kind = kindOf({ ...seen, ...(conditional && { conditional }) });
  // A 404 speaks of the manifest only when the registry itself says it: null is a tag that is not there.
  if (kind === 'not-found' && failed.for === 'token') kind = 'rejected';
  // Signed URLs run out; the registry makes new ones.
  if (away && REFUSALS.includes(kind)) kind = 'transient';
  const mend = mendOf({
    ...seen,
    kind,
    method,
    host: endpoint.host,
    ...(hadCredentials !== undefined && { hadCredentials }),
  });
  const retryAfter = kind === 'transient' ? retryAfterMs(headers['retry-after'], words) : undefined;
  const url = redacted(failed.url);
  const where = `${method} ${url}${away ? ` (sent on to ${failed.answeredBy?.host})` : ''}: status ${status}`;
  return new RegistryError(kind, line(where, said.code, words || 'no words', mend), {
    method,
    url,
    status,
    ...(said.code && { code: said.code }),
    ...(mend && { mend }),
    ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
  });
}

/** The error for a request that got no whole answer. */
export function noAnswer(method: HttpRequest['method'], url: URL, error: NoAnswer): RegistryError {
  const { code } = error;
  const tooLarge = code === 'too-large';
  const kind = tooLarge ? 'integrity' : 'transient';
  const mend = mendOf({ kind, method, host: url.host, code, words: '' });
  const words = tooLarge ? 'the answer is longer than any manifest or list may be' : oneLine(code);
  return new RegistryError(kind, line(`${method} ${redacted(url)}`, undefined, words, mend), {
    method,
    url: redacted(url),
    code,
    ...(mend && { mend }),
    cause: error,
  });
}

function line(where: string, code: string | undefined, words: string, mend: string | undefined): string {
  return `${where}${code ? ` ${code}` : ''}: ${words}${mend ? ` (${mend})` : ''}`;
}
