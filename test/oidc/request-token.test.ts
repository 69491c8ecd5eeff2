import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenFrom } from '../../src/oidc/request-token.js';
import { tokenVerifier } from '../../src/oidc/verify-token.js';
import { type OidcIssuer, startOidcIssuer } from '../../testbed/oidc-issuer.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-token-'));
const runner = { key: 'key-of-the-job', spec: { subject: 'repo:acme/app:ref:refs/heads/main', actor: 'ada' } };
let issuer: OidcIssuer;
beforeAll(async () => {
  issuer = await startOidcIssuer(runner);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await issuer.stop();
});

const KEY = { CANARY_PAYLOAD_KEY_FILE: '/run/secrets/payload-keys' };
const file = join(folder, 'token');
writeFileSync(file, '\ufeffa.b.c\r\n');
const job = () => ({
  ...KEY,
  CANARY_OIDC_AUDIENCE: 'canary',
  ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.url}/runner-token?api-version=2`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: runner.key,
});

describe('the token of a command', () => {
  test('is read from its variable or its file', async () => {
    expect(await tokenFrom({ ...KEY, CANARY_OIDC_TOKEN: ' a.b.c\n' })).toBe('a.b.c');
    expect(await tokenFrom({ ...KEY, CANARY_OIDC_TOKEN_FILE: file })).toBe('a.b.c');
  });

  test('is that of the job, for the audience that is set', async () => {
    const token = await tokenFrom(job());
    const verify = tokenVerifier([{ issuer: issuer.url, audience: 'canary', subject: 'repo:acme/app:*' }]);
    expect(await verify(token ?? '')).toMatchObject({ actor: 'ada' });
  });

  test('is asked for by no one who set nothing', async () => {
    const { CANARY_OIDC_AUDIENCE: _, ...env } = job();
    expect([await tokenFrom({}), await tokenFrom(env)]).toEqual([null, null]);
  });

  test.each([
    [
      { CANARY_OIDC_TOKEN: 'a.b.c' },
      'CANARY_OIDC_TOKEN needs CANARY_PAYLOAD_KEY_FILE: without it, Temporal would store the token in clear',
    ],
    [{ CANARY_OIDC_AUDIENCE: 'canary' }, 'CANARY_OIDC_AUDIENCE needs CANARY_PAYLOAD_KEY_FILE'],
    [{ ...KEY, CANARY_OIDC_TOKEN: 'a', CANARY_OIDC_TOKEN_FILE: file }, 'are both set: keep one'],
    [{ ...KEY, CANARY_OIDC_TOKEN: 'a b' }, 'CANARY_OIDC_TOKEN: has characters that no header carries'],
    [{ ...KEY, CANARY_OIDC_TOKEN_FILE: '/nowhere' }, 'CANARY_OIDC_TOKEN_FILE: ENOENT: /nowhere'],
    [
      { ...KEY, CANARY_OIDC_AUDIENCE: 'canary' },
      'this is no job of GitHub Actions that may ask for a token (fix: permissions: id-token: write',
    ],
  ])('%j is one clear line', async (env, why) => {
    await expect(tokenFrom(env)).rejects.toThrow(why);
  });

  test('that GitHub does not give is one clear line, without the key of the job', async () => {
    const refused = await tokenFrom({ ...job(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'another-key' }).catch(String);
    expect(refused).toBe('InvalidInput: CANARY_OIDC_AUDIENCE: GitHub gave no token (status 404)');
    const far = { ...job(), ACTIONS_ID_TOKEN_REQUEST_URL: 'http://a.example/token' };
    await expect(tokenFrom(far)).rejects.toThrow('no job of GitHub Actions');
  });
});
