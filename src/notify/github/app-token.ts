import { createSign } from 'node:crypto';
import type { Network } from '../../net/network.js';
import { ask, SinkError } from '../sink.js';
import { type GitHubAccess, githubHeaders, githubJson } from './client.js';

/** A GitHub App that is installed on the repository. */
export interface GitHubApp {
  id: string;
  /** Private key, PEM, as it is now. */
  key: () => string;
}

/** Life of the token by which an app asks for another, in seconds: at most ten minutes. */
const LIFE_S = 540;
/** Time before its end at which a token is replaced, in milliseconds. */
const EARLY_MS = 5 * 60_000;

/** Token of an installation, which GitHub gives for an hour. One that was refused is not given again: it may have been revoked,
 * or be from before the app got a right. */
export function appToken(app: GitHubApp, api: string, repository: string, network: Network): GitHubAccess['token'] {
  let known: { token: string; until: number } | null = null;
  const call = async (method: 'GET' | 'POST', path: string) => {
    const url = new URL(`${api.replace(/\/+$/, '')}${path}`);
    const answer = await ask('github', network, { method, url, headers: githubHeaders(jwt(app)) });
    return githubJson(`${method} for the app`, answer) as Record<string, unknown>;
  };
  return async (refused) => {
    if (known && known.token !== refused && known.until - EARLY_MS > Date.now()) return known.token;
    const { id } = await call('GET', `/repos/${repository}/installation`);
    const { token, expires_at: end } = await call('POST', `/app/installations/${id}/access_tokens`);
    if (typeof token !== 'string') throw new SinkError('github: no token for the app');
    known = { token, until: Date.parse(String(end)) || 0 };
    return known.token;
  };
}

/** By which the app itself is known. */
function jwt({ id, key }: GitHubApp): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  // A minute in the past, for clocks that differ.
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + LIFE_S, iss: id })}`;
  try {
    return `${text}.${createSign('RSA-SHA256').update(text).sign(key(), 'base64url')}`;
  } catch {
    throw new SinkError('github: the key of the app signs nothing (fix: CANARY_GITHUB_APP_KEY_FILE, PEM)', {
      isFinal: true,
    });
  }
}
