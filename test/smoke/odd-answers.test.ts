import { afterEach, describe, expect, test } from 'vitest';
import type { CheckRequest, Suite } from '../../src/smoke/index.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { type Oddity, startOddTenant } from '../../testbed/odd-tenant.js';
import { ONE, type SmokeWith, smokeAt, TOKEN } from '../support/smoke.js';

let tenant: Awaited<ReturnType<typeof startOddTenant>>;
afterEach(() => tenant.stop());

async function smoke(oddity: Oddity, given: SmokeWith = {}) {
  tenant = await startOddTenant(oddity);
  const [result] = await smokeAt(tenant.url, ONE, given);
  return result;
}

describe('a correct answer in an unusual encoding', () => {
  test.each<Oddity>([
    'good',
    'good, in gzip',
    'good, in deflate',
    'good, with a byte order mark',
    'good, 1 MiB long',
    'brackets in a text',
  ])('%s: it passes', async (oddity) => {
    expect(await smoke(oddity, { waits: { requestMs: 5_000 } })).toMatchObject({ verdict: 'pass', got: '' });
  });
});

describe('an invalid answer', () => {
  test.each<[Oddity, string, string | RegExp]>([
    ['one byte more than 1 MiB', 'a body of at most 1 MiB', /^more: \{"ok":true\}/],
    ['a body without end', 'a body of at most 1 MiB', 'more'],
    ['a gzip bomb', 'a body of at most 1 MiB', 'more'],
    ['no gzip', 'a body in gzip', 'invalid data'],
    ['an unknown coding', 'content encoding gzip, deflate, br or none', 'zstd'],
    ['gzip twice', 'content encoding gzip, deflate, br or none', 'gzip, gzip'],
    ['deep JSON', 'JSON at most 100 deep', 'deeper JSON'],
    ['a text without end', 'JSON', /^"/],
    ['UTF-16', 'charset utf-8', 'utf-16'],
    ['Latin-1', 'a body in UTF-8', 'invalid UTF-8'],
    ['half of the JSON', 'JSON', '{"ok"'],
    ['an empty body', 'JSON', 'an empty body'],
    ['JSON as text', 'content type application/json', 'text/plain'],
    ['no content type', 'content type application/json', 'none'],
    ['not HTTP', 'an answer in HTTP', 'HTTPParserError'],
    ['headers without end', 'an answer in HTTP', 'UND_ERR_HEADERS_OVERFLOW'],
    ['a 500 without end', 'status 200', /^status 500/],
    ['204', 'status 200', 'status 204'],
    ['519', 'status 200', 'status 519'],
    ['528', 'status 200', 'status 528'],
  ])('%s: the check fails', async (oddity, expected, got) => {
    const began = performance.now();
    const result = await smoke(oddity, { waits: { requestMs: 3_000, retryBudgetMs: 500 } });
    expect(result).toMatchObject({
      verdict: 'fail',
      expected,
      got: typeof got === 'string' ? got : expect.stringMatching(got),
    });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(tenant.requests.length, 'a fail is not retried').toBeLessThanOrEqual(1);
  });
});

describe('no answer, or one that says nothing about the build', () => {
  test.each<[Oddity, string]>([
    ['slow bytes', 'timeout'],
    ['a reset', 'ECONNRESET'],
    ['an answer that breaks off', 'UND_ERR_SOCKET'],
    ['a 503 without end', 'status 503'],
    ['502', 'status 502'],
    ['504', 'status 504'],
    ['503 for an hour', 'status 503: {}'],
    ['408', 'status 408'],
    ['520', 'status 520'],
    ['521', 'status 521'],
    ['522', 'status 522'],
    ['527', 'status 527'],
    ['530', 'status 530'],
  ])('%s: the check is could-not-test', async (oddity, got) => {
    expect(await smoke(oddity)).toMatchObject({ verdict: 'could-not-test', got });
  });
});

describe('an answer of what stands before the tenant', () => {
  const suiteAs = (as: CheckRequest['as']): Suite => [
    {
      name: 'it is ok',
      proves: 'ok',
      steps: [{ request: { method: 'GET', path: '/thing', as }, answer: { status: 200 } }],
    },
  ];
  const verdictOf = async (oddity: Oddity, as: CheckRequest['as']) => {
    tenant = await startOddTenant(oddity, 'https://login.example');
    const [result] = await smokeAt(tenant.url, suiteAs(as));
    const probe = [{ path: '/thing', field: 'sha' }];
    const [build] = await askBuilds([{ name: 'canary-1', origin: tenant.url }], probe, new Map());
    return { verdict: result?.verdict, isSilent: build?.silent === true };
  };

  test.each<Oddity>([
    'a redirect elsewhere',
    'a redirect to a login of its own origin',
    'a challenge of a CDN',
    'a login page that is marked',
    'a tunnel that is offline',
    '407',
    '408',
    '521',
    '530',
  ])(
    '%s: says nothing about the build, with a token and without, in a check and in the build probe',
    async (oddity) => {
      for (const as of ['admin', 'none'] as const) {
        expect(await verdictOf(oddity, as), as).toEqual({ verdict: 'could-not-test', isSilent: true });
        await tenant.stop();
      }
    },
  );

  test('a redirect inside is no answer to the token, and a fail without one', async () => {
    expect(await verdictOf('a redirect inside', 'admin')).toEqual({ verdict: 'could-not-test', isSilent: false });
    await tenant.stop();
    expect(await verdictOf('a redirect inside', 'none')).toEqual({ verdict: 'fail', isSilent: false });
  });
});

describe('retries of a tenant that does not answer', () => {
  const waits = { retryBudgetMs: 4_000 };

  test.each<Oddity>(['a reset, then good', '429, then good', '503 until a date'])(
    '%s: the retry passes',
    async (oddity) => {
      expect(await smoke(oddity, { waits })).toMatchObject({ verdict: 'pass', tries: 2 });
    },
  );

  test('a retry waits until Retry-After has passed', async () => {
    await smoke('429, then good', { waits });
    const [first = 0, second = 0] = tenant.requests.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(990);
  });

  test('a Retry-After beyond the retry budget is not waited for', async () => {
    const began = Date.now();
    expect((await smoke('503 for an hour', { waits }))?.verdict).toBe('could-not-test');
    expect(tenant.requests).toHaveLength(1);
    expect(Date.now() - began).toBeLessThan(2_000);
  });

  test('retries end with the retry budget, and their pauses grow', async () => {
    const result = await smoke('502', { waits: { retryBudgetMs: 500, pauseMs: 20, maxPauseMs: 100 } });
    // 20 + 40 + 80 + 100 + 100 + 100 are 440 ms; the seventh pause would exceed the retry budget.
    expect(tenant.requests.length).toBeGreaterThanOrEqual(4);
    expect(tenant.requests.length).toBeLessThanOrEqual(7);
    expect(result).toMatchObject({ verdict: 'could-not-test', tries: tenant.requests.length });
  });
});

describe('secrets in an answer', () => {
  test('a redirect elsewhere, as to a login, could not be tested; it is not followed, so the token goes to no other host', async () => {
    const other = await startOddTenant('good');
    tenant = await startOddTenant('a redirect elsewhere', other.url);
    try {
      const [result] = await smokeAt(tenant.url, ONE);
      expect(result).toMatchObject({
        verdict: 'could-not-test',
        got: `status 302: to ${other.url}/elsewhere (is there a login before the tenant?)`,
      });
      expect(other.requests).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('secrets that an answer repeats are redacted in every form, and the rest is cut', async () => {
    const org = 'org/42 o&"x"';
    const result = await smoke('all that it was sent', { headers: { 'X-Molecule-Org-Id': org, 'X-Short': 'abc' } });
    const text = JSON.stringify(result);
    for (const secret of [TOKEN, org]) {
      const forms = [
        secret,
        JSON.stringify(secret).slice(1, -1),
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(`ab:${secret}:x`).toString('base64url').slice(6, -4),
        Buffer.from(secret).toString('hex'),
      ];
      for (const form of forms) expect(text).not.toContain(form);
    }
    expect(result?.got).toContain('[secret]');
    expect(result?.got.length).toBeLessThanOrEqual(200);
  });
});
