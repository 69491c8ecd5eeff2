import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { isMarkedAsEdge, isOfEdge, isUnavailable, redirectOf } from '../../src/smoke/answer/edge.js';
import type { Answer, Credentials, Step } from '../../src/smoke/check.js';
import { type Evaluation, evaluateError, evaluateResponse, schemaPath } from '../../src/smoke/evaluate.js';
import { NoResponse, type SmokeResponse } from '../../src/smoke/http.js';
import { SuiteFault } from '../../src/smoke/values.js';

const PROBE = { probe: '6f1c2d3e-0000-4000-8000-000000000000' };
const JSON_TYPE = { 'content-type': 'application/json' };
const HERE = new URL('https://tenant.example/memories?q=1');

function answered(status: number, body = '', more: Partial<SmokeResponse> = {}): SmokeResponse {
  const headers = more.headers ?? JSON_TYPE;
  const redirect = redirectOf(status, headers, HERE);
  return { status, body: Buffer.from(body), latencyMs: 1, redirect, incomplete: null, ...more, headers };
}
const step = (answer: Partial<Answer> = {}, as: Credentials = 'none', capture?: Step['capture']): Step => ({
  request: { method: 'GET', path: '/memories', as },
  answer: { status: 200, ...answer },
  ...(capture && { capture }),
});
const away = { headers: { location: 'https://login.example/in?state=s#top' } };
const here = { headers: { location: '/login?state=s#top' } };
const fail = (expected: string, got: string, more: object = {}) => ({ verdict: 'fail', expected, got, ...more });
const unknown = (expected: string, got: string, more: object = {}) => ({
  verdict: 'could-not-test',
  expected,
  got,
  ...more,
});
const OK = { verdict: 'pass', expected: '', got: '' };
const ID = z.object({ id: z.string() });
const LOGIN = ' (is there a login before the tenant?)';

describe('the answer of a tenant', () => {
  test.each<[string, Step, SmokeResponse, object]>([
    ['with the status passes, whatever its body', step(), answered(200, '{'), OK],
    ['that its schema accepts passes', step({ json: ID }), answered(200, '{"id":"m1"}'), { ...OK, captured: {} }],
    [
      'is captured',
      step({}, 'none', { memory: 'a.id', count: 'n' }),
      answered(200, '{"a":{"id":"m1"},"n":7}'),
      { ...OK, captured: { memory: 'm1', count: '7' } },
    ],
    [
      'that lacks what is captured fails',
      step({}, 'none', { memory: 'a.id' }),
      answered(200, '{"a":1}'),
      fail('a.id: a string or number to capture as memory', '{"a":1}'),
    ],
    [
      'of another content type fails',
      step({ json: ID }),
      answered(200, '{}', { headers: { 'content-type': 'text/html' } }),
      fail('content type application/json', 'text/html'),
    ],
    [
      'of the content type of the suite is read',
      step({ json: ID, type: 'application/problem+json' }),
      answered(200, '{"id":"m1"}', { headers: { 'content-type': 'application/problem+json' } }),
      { ...OK, captured: {} },
    ],
    ['with another status fails', step(), answered(500, 'no'), fail('status 200', 'status 500: no')],
    ['with another status and a blank body fails', step(), answered(404, ' \n'), fail('status 200', 'status 404')],
    [
      'that redirects on its own origin fails',
      step(),
      answered(302, 'x', here),
      fail('status 200', 'status 302: to /login'),
    ],
    [
      'that redirects a request with the token says nothing',
      step({}, 'admin'),
      answered(302, '', here),
      unknown('status 200', `status 302: to /login${LOGIN}`),
    ],
    [
      'that redirects away says nothing',
      step(),
      answered(302, '', away),
      unknown('status 200', `status 302: to https://login.example/in${LOGIN}`),
    ],
    ['of a proxy that wants a login says nothing', step(), answered(511), unknown('status 200', `status 511${LOGIN}`)],
    [
      'with the right status, but of what stands before it, says nothing',
      step(),
      answered(200, 'wait', { headers: { 'cf-mitigated': 'challenge' } }),
      unknown('status 200', `status 200: wait${LOGIN}`),
    ],
    [
      'that is unavailable is asked again',
      step(),
      answered(503),
      unknown('status 200', 'status 503', { retryInMs: 0 }),
    ],
    [
      'that is limited is asked again when it says',
      step(),
      answered(429, '', { headers: { 'retry-after': '7' } }),
      unknown('status 200', 'status 429', { retryInMs: 7_000 }),
    ],
    ...[401, 403].map((status): [string, Step, SmokeResponse, object] => [
      `that refuses the token with ${status} says nothing`,
      step({}, 'admin'),
      answered(status, 'no'),
      unknown('our own token accepted', `token refused: status ${status}: no`),
    ]),
    ['that refuses another token with 401 fails', step({}, 'wrong'), answered(401), fail('status 200', 'status 401')],
    ['that the token does not find fails', step({}, 'admin'), answered(404), fail('status 200', 'status 404')],
    [
      'that is cut says nothing',
      step({ json: ID }),
      answered(200, '{"id"', { incomplete: 'timeout' }),
      unknown('a complete answer', 'timeout', { retryInMs: 0 }),
    ],
    [
      'that is too large fails',
      step(),
      answered(200, ` ${'x'.repeat(8_200)}`, { incomplete: 'too-large' }),
      fail('a body of at most 1 MiB', `more: ${'x'.repeat(8)}`.slice(0, 14)),
    ],
  ])('%s', async (_what, given, response, expected) => {
    expect(await evaluateResponse(given, response, PROBE)).toEqual(expected);
  });

  test('that its schema does not accept fails, with the path of what is wrong', async () => {
    const given = step({ json: z.object({ items: z.array(ID) }) });
    expect(await evaluateResponse(given, answered(200, '{"items":[{"id":1}]}'), PROBE)).toEqual(
      fail('items.0.id: Invalid input: expected string, received number', '{"items":[{"id":1}]}', {
        schemaPath: '$.items[0].id',
      }),
    );
    expect(await evaluateResponse(step({ json: ID }), answered(200, '7'), PROBE)).toMatchObject({
      expected: expect.stringMatching(/^the body: /),
      schemaPath: '$',
    });
  });

  test('is compared with the values of its check, and with no other', async () => {
    const of = (name: string) => step({ json: (values) => z.object({ id: z.literal(values[name] as string) }) });
    const response = answered(200, `{"id":"${PROBE.probe}"}`);
    expect(await evaluateResponse(of('probe'), response, PROBE)).toMatchObject({ verdict: 'pass' });
    await expect(evaluateResponse(of('memory'), response, PROBE)).rejects.toThrow(SuiteFault);
  });
});

describe('no answer', () => {
  const noResponse = (code: string, fix?: string) =>
    new NoResponse({ code, what: `${code} there`, ...(fix && { fix }) }, 1, null);
  test.each<[string, unknown, Evaluation]>([
    ...['HPE_INVALID', 'HTTPParserError', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_X'].map(
      (code): [string, unknown, Evaluation] => [code, noResponse(code), fail('an answer in HTTP', code) as Evaluation],
    ),
    ['X_HPE_', noResponse('X_HPE_'), unknown('an answer', 'X_HPE_ there', { retryInMs: 0 }) as Evaluation],
    [
      'a closed port',
      noResponse('ECONNREFUSED'),
      unknown('an answer', 'ECONNREFUSED there', { retryInMs: 0 }) as Evaluation,
    ],
    ['no name', noResponse('ENOTFOUND', 'ask DNS'), unknown('an answer', 'ENOTFOUND there (ask DNS)') as Evaluation],
    [
      'a fault of the suite',
      new SuiteFault('x was not captured'),
      unknown('a check that does not throw', 'x was not captured') as Evaluation,
    ],
    ['code that throws', new TypeError('no'), unknown('a check that does not throw', 'TypeError: no') as Evaluation],
  ])('%s', (_what, error, expected) => {
    expect(evaluateError(error)).toEqual(expected);
  });
});

test.each<[z.ZodType, PropertyKey[], string]>([
  [ID, ['id'], '$.id'],
  [ID, ['other'], '$.*'],
  [ID, ['toString'], '$.*'],
  [z.array(ID), [0, 'id'], '$[0].id'],
  [z.tuple([z.number(), ID]), [1, 'id'], '$[1].id'],
  [z.record(z.string(), ID), ['s3cret', 'id'], '$.*.id'],
  [z.object({ a: ID.optional() }), ['a', 'id'], '$.a.id'],
  [z.object({ a: ID.optional().nullable() }).pipe(z.any()), ['a', 'id'], '$.a.id'],
  [z.unknown(), ['a', 0], '$.*[0]'],
  [ID, [Symbol('id')], '$.*'],
])('the path of what does not match has only keys of the schema (%#)', (schema, path, expected) => {
  expect(schemaPath(schema, path)).toBe(expected);
});

describe('what stands before a tenant', () => {
  test('is unavailable, or limits requests, by these statuses', () => {
    const statuses = Array.from({ length: 500 }, (_, index) => 100 + index).filter(isUnavailable);
    expect(statuses).toEqual([408, 429, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]);
  });

  test.each([
    'cf-mitigated',
    'ngrok-error-code',
    'x-goog-iap-generated-response',
    'x-railway-fallback',
    'x-vercel-error',
  ])('is known by its header %s', (name) => {
    expect(isMarkedAsEdge({ [name]: 'x' })).toBe(true);
    expect(isOfEdge({ status: 200, headers: { [name]: 'x' }, redirect: null })).toBe(true);
    expect(isMarkedAsEdge({ server: name })).toBe(false);
  });

  test.each<[number, string | null, boolean]>([
    [200, null, false],
    [401, null, false],
    [407, null, true],
    [511, null, true],
    [503, null, true],
    [302, 'https://login.example/', true],
    [302, '/oauth2/start', true],
    [302, '/cdn-cgi/access', true],
    [302, '/.auth/login', true],
    [302, '/outpost.goauthentik.io/start', true],
    [302, '/_oauth', true],
    [302, '/_oauth/google', true],
    [302, '/.pomerium/sign_in', true],
    [302, '/_oauthors', false],
    [302, '/my/oauth2/start', false],
    [302, '/home', false],
  ])('answered %i to %s: %s', (status, location, expected) => {
    const headers = location === null ? {} : { location };
    expect(isOfEdge({ status, headers, redirect: redirectOf(status, headers, HERE) })).toBe(expected);
  });

  test.each<[number, string | string[] | undefined, object | null]>([
    [299, '/a', null],
    [300, '/a?b#c', { to: 'https://tenant.example/a', isAway: false }],
    [399, ['http://tenant.example/', '/b'], { to: 'http://tenant.example/', isAway: true }],
    [400, '/a', null],
    [302, undefined, null],
    [302, 'http://[', null],
  ])('redirects with %i to %s: %o', (status, location, expected) => {
    expect(redirectOf(status, { location }, HERE)).toEqual(expected);
  });
});
