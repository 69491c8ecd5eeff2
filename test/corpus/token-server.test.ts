import { requestToken } from '../../src/registry/auth/token.js';
import type { Credentials } from '../../src/registry/context.js';
import { PLANTED } from '../support/corpus.js';
import type { RawAnswer } from '../support/raw-server.js';
import { registryCorpus } from '../support/registry-corpus.js';

interface Input {
  /** With a login; else as everyone. */
  login?: 'password' | 'identity-token';
  answer: RawAnswer;
}

const LOGINS: Record<NonNullable<Input['login']>, Credentials> = {
  password: { kind: 'basic', username: 'ada', password: PLANTED },
  'identity-token': { kind: 'identity-token', token: PLANTED },
};

registryCorpus<Input>('token-server', {}, async (registry, { login }, host) => {
  // As before each request that sends a login.
  if (login) registry.auth.secrets.add(PLANTED);
  const endpoint = { origin: `http://${host}`, host, name: 'acme/app' };
  const challenge = { scheme: 'bearer' as const, params: { realm: `http://${host}/token`, service: 's' } };
  const credentials = login ? LOGINS[login] : null;
  const signal = AbortSignal.timeout(20_000);
  const began = performance.now();
  const got = await requestToken(registry, endpoint, challenge, credentials, ['repository:acme/app:pull'], signal);
  const seconds = Math.round((got.expiresAt - began) / 10_000) * 10;
  return `a token of ${got.token.length} characters for about ${seconds} s`;
});
