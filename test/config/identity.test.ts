import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
const KEY = { CANARY_PAYLOAD_KEY_FILE: '/run/secrets/payload-keys' };
const ISSUER = 'https://token.actions.githubusercontent.com#canary#repo:acme/app:environment:production';

describe('CANARY_OIDC_ISSUERS', () => {
  test('names issuers, audiences and subjects', async () => {
    const text = `${ISSUER},https://id.acme.example/realms/a#canary#group/*\nhttp://127.0.0.1:9/#c#user:a#b`;
    expect((await loadConfig({ ...IMAGES, ...KEY, CANARY_OIDC_ISSUERS: text })).oidcIssuers).toEqual([
      {
        issuer: 'https://token.actions.githubusercontent.com',
        audience: 'canary',
        subject: 'repo:acme/app:environment:production',
      },
      { issuer: 'https://id.acme.example/realms/a', audience: 'canary', subject: 'group/*' },
      { issuer: 'http://127.0.0.1:9/', audience: 'c', subject: 'user:a#b' },
    ]);
  });

  test.each([
    ['https://id.example', 'expected issuer#audience#subject'],
    ['https://id.example#canary', 'expected issuer#audience#subject'],
    ['http://id.example#canary#x', 'expected an https address before the first #'],
    ['id.example#canary#x', 'expected an https address before the first #'],
    ['https://id.example#canary#*', 'expected a subject, or its begin up to : or / and one * at the end'],
    ['https://id.example#canary#repo:acme/app*', 'expected a subject, or its begin up to : or / and one * at the end'],
    ['https://id.example#canary#a*b', 'expected a subject, or its begin up to : or / and one * at the end'],
    ['https://token.actions.githubusercontent.com#canary#repo:*', 'GitHub signs for everybody: name the owner'],
  ])('%s is refused', async (entry, why) => {
    await expect(loadConfig({ ...IMAGES, ...KEY, CANARY_OIDC_ISSUERS: entry })).rejects.toThrow(why);
  });

  test('needs payloads that are encrypted', async () => {
    await expect(loadConfig({ ...IMAGES, CANARY_OIDC_ISSUERS: ISSUER })).rejects.toThrow(
      'CANARY_OIDC_ISSUERS needs CANARY_PAYLOAD_KEY_FILE: tokens would be in histories in clear',
    );
  });
});

describe('CANARY_REQUIRE_VERIFIED', () => {
  const env = { ...IMAGES, ...KEY, CANARY_OIDC_ISSUERS: ISSUER };

  test('is part of the plan, as far as it is about releases', async () => {
    const plan = await planRelease(
      await loadConfig({ ...env, CANARY_REQUIRE_VERIFIED: 'approve, promote,rollback' }),
      {},
    );
    expect(plan).toMatchObject({
      approvers: { fourEyes: false, approvers: null, verified: true },
      promoteVerified: true,
    });
    const without = await planRelease(await loadConfig({ ...env, CANARY_REQUIRE_VERIFIED: 'rollback' }), {});
    expect(Object.keys(without)).not.toEqual(expect.arrayContaining(['approvers', 'promoteVerified']));
  });

  test.each([
    [{ CANARY_REQUIRE_VERIFIED: 'release' }, 'invalid name "release": expected promote, rollback, approve'],
    [
      { CANARY_REQUIRE_VERIFIED: 'approve', CANARY_OIDC_ISSUERS: '' },
      'needs CANARY_OIDC_ISSUERS: no one could be verified',
    ],
  ])('%j is invalid', async (more, why) => {
    await expect(loadConfig({ ...env, ...more })).rejects.toThrow(why);
  });
});
