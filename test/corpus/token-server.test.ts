import { afterAll, beforeAll } from 'vitest';
import { requestToken } from '../../src/registry/auth/token.js';
import type { Credentials } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { corpus, PLANTED } from '../support/corpus.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

interface Input {
  /** With a login; else as everyone. */
  login?: 'password' | 'identity-token';
  answer: RawAnswer;
}

const LOGINS: Record<NonNullable<Input['login']>, Credentials> = {
  password: { kind: 'basic', username: 'ada', password: PLANTED },
  'identity-token': { kind: 'identity-token', token: PLANTED },
};

class Refused extends Error {}

corpus<Input>(
  'token-server',
  async ({ login, answer }) => {
    server.answerWith(answer);
    const registry = createRegistry({ credentials: async () => null });
    // As before each request that sends a login.
    if (login) registry.auth.secrets.add(PLANTED);
    const endpoint = { origin: `http://${server.host}`, host: server.host, name: 'acme/app' };
    const challenge = { scheme: 'bearer' as const, params: { realm: `http://${server.host}/token`, service: 's' } };
    const signal = AbortSignal.timeout(20_000);
    try {
      const credentials = login ? LOGINS[login] : null;
      const began = performance.now();
      const got = await requestToken(registry, endpoint, challenge, credentials, ['repository:acme/app:pull'], signal);
      const seconds = Math.round((got.expiresAt - began) / 10_000) * 10;
      return `a token of ${got.token.length} characters for about ${seconds} s`;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
    } finally {
      await registry.close();
    }
  },
  [Refused],
);
