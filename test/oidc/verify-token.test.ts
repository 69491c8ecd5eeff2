import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DIRECT } from '../../src/net/network.js';
import { IssuerUnreachable, issuerKeys } from '../../src/oidc/issuer-keys.js';
import { tokenVerifier } from '../../src/oidc/verify-token.js';
import { type OidcIssuer, startOidcIssuer, type TokenSpec } from '../../testbed/oidc-issuer.js';

let issuer: OidcIssuer;
let other: OidcIssuer;
beforeAll(async () => {
  [issuer, other] = await Promise.all([startOidcIssuer(), startOidcIssuer()]);
});
afterAll(() => Promise.all([issuer.stop(), other.stop()]));
beforeEach(() => {
  Object.assign(issuer.behavior, { down: false, silent: false, endless: false, poses: null });
  issuer.requests.length = 0;
});

const PRODUCTION = 'repo:acme/app:environment:production';
/** A verifier with a cache of its own, and a clock that a test moves. */
function verifier(subject = 'repo:acme/app:*', audience = 'canary') {
  let now = Date.now();
  const verify = tokenVerifier(
    [{ issuer: issuer.url, audience, subject }],
    issuerKeys(DIRECT, () => now),
  );
  return {
    verify,
    passes: (ms: number) => {
      now += ms;
    },
  };
}
const refusalOf = (spec: TokenSpec) => issuer.token(spec).then(verifier().verify).then(String, String);
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  test('proves issuer, subject and actor', async () => {
    const token = await issuer.token({ subject: PRODUCTION, actor: 'ada' });
    const verified = await verifier().verify(token);
    expect(verified).toEqual({ issuer: issuer.url, subject: PRODUCTION, actor: 'ada', at: expect.any(String) });
  });

  test('has expired by the time that the caller gives, not by the clock of this machine', async () => {
    const token = await issuer.token({ subject: PRODUCTION, expiresIn: -3_600 });
    await expect(verifier().verify(token, Date.now() - 2 * 3_600_000)).resolves.toMatchObject({ subject: PRODUCTION });
  });

  test.each<[string, TokenSpec, string]>([
    ['that a stranger signed', { subject: PRODUCTION, forged: true }, 'its signature is not that of its issuer'],
    ['that has expired', { subject: PRODUCTION, expiresIn: -60 }, 'it has expired (fix: get a new one)'],
    [
      'for another audience',
      { subject: PRODUCTION, audience: 'cosign' },
      'it is for another audience (fix: CANARY_OIDC_AUDIENCE)',
    ],
    [
      'about a stranger',
      { subject: 'repo:acme/app-2:ref' },
      'its subject "repo:acme/app-2:ref" is not one of CANARY_OIDC_ISSUERS',
    ],
    [
      'of another issuer',
      { subject: PRODUCTION, issuer: 'https://a.example' },
      'the token is of no issuer of CANARY_OIDC_ISSUERS',
    ],
    [
      'whose subject has line breaks',
      { subject: 'repo:acme/app:\nx' },
      'its subject is too long, or has odd characters',
    ],
  ])('%s is refused', async (_what, spec, refusal) => {
    expect(await refusalOf(spec)).toBe(`TokenRefused: ${refusal}`);
  });

  test.each(['', 'x', 'a.b.c', 'ä'.repeat(100)])('that is no token is refused: %#', async (token) => {
    await expect(verifier().verify(token)).rejects.toThrow('the token is of no issuer of CANARY_OIDC_ISSUERS');
  });

  test('that is too long is refused, with the limit', async () => {
    await expect(verifier().verify('x'.repeat(16_385))).rejects.toThrow('the token is longer than 16384 characters');
  });

  test('without a signature, or signed with what everybody knows, is refused', async () => {
    const claims = base64({ iss: issuer.url, sub: PRODUCTION, aud: 'canary', exp: Date.now() / 1_000 + 300 });
    const none = `${base64({ alg: 'none' })}.${claims}.`;
    const hmac = `${base64({ alg: 'HS256', kid: 'key-1' })}.${claims}`;
    const signed = `${hmac}.${createHmac('sha256', 'key-1').update(hmac).digest('base64url')}`;
    for (const token of [none, signed]) await expect(verifier().verify(token)).rejects.toThrow('it cannot be verified');
  });

  test('of one issuer is not taken for one of another', async () => {
    const token = await other.token({ subject: PRODUCTION, issuer: issuer.url });
    await expect(verifier().verify(token)).rejects.toThrow('its signature is not that of its issuer');
  });

  test('is allowed by the entry of its own audience alone', async () => {
    const verify = tokenVerifier([
      { issuer: issuer.url, audience: 'staging', subject: 'repo:acme/*' },
      { issuer: issuer.url, audience: 'canary', subject: PRODUCTION },
    ]);
    const [narrow, wide] = await Promise.all([
      issuer.token({ subject: 'repo:acme/toys:ref' }),
      issuer.token({ subject: 'repo:acme/toys:ref', audience: 'staging' }),
    ]);
    await expect(verify(narrow)).rejects.toThrow('is not one of CANARY_OIDC_ISSUERS');
    await expect(verify(wide)).resolves.toMatchObject({ subject: 'repo:acme/toys:ref' });
  });

  test('without issuers proves nothing', async () => {
    await expect(tokenVerifier([])('x')).rejects.toThrow('this worker has no CANARY_OIDC_ISSUERS');
  });

  test('is in no message', async () => {
    const token = await issuer.token({ subject: PRODUCTION, forged: true });
    const message = await verifier().verify(token).catch(String);
    for (const part of token.split('.')) expect(message).not.toContain(part);
  });
});

describe('the keys of an issuer', () => {
  const token = () => issuer.token({ subject: PRODUCTION });

  test('are read once for many tokens', async () => {
    const { verify } = verifier();
    for (let round = 0; round < 3; round += 1) await verify(await token());
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  test('are read again for a key that is not there, but not for each token of a stranger', async () => {
    const { verify, passes } = verifier();
    await verify(await token());
    await issuer.rotate();
    passes(6_000);
    await verify(await token());
    for (let round = 0; round < 3; round += 1)
      await expect(verify(await issuer.token({ subject: PRODUCTION, forged: true }))).rejects.toThrow('signature');
    expect(issuer.requests.length).toBe(4);
  });

  test('are used for a day while the issuer is down, and then no more', async () => {
    const { verify, passes } = verifier();
    await verify(await token());
    issuer.behavior.down = true;
    passes(23 * 3_600_000);
    await verify(await token());
    passes(2 * 3_600_000);
    await expect(verify(await token())).rejects.toThrow(IssuerUnreachable);
  });

  test.each([
    ['is down', { down: true }, 'answered 503'],
    ['answers without end', { endless: true }, 'too-large'],
    ['poses as another', { poses: 'https://a.example' }, 'expected the configuration of'],
    ['is silent', { silent: true }, 'timeout'],
  ])('are not there if it %s', async (_what, behavior, why) => {
    Object.assign(issuer.behavior, behavior);
    const failed = verifier().verify(await token());
    await expect(failed).rejects.toThrow(IssuerUnreachable);
    await expect(failed).rejects.toThrow(why);
  });
});
