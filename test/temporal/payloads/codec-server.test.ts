import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, expect, test } from 'vitest';
import { payloadCodec } from '../../../src/temporal/payloads/codec.js';
import { serveCodec } from '../../../src/temporal/payloads/codec-server.js';
import { parsePayloadKeys } from '../../../src/temporal/payloads/keys.js';

const token = 'token-of-the-codec-server';
const origin = 'http://127.0.0.1:8233';
const codec = payloadCodec(parsePayloadKeys(`k:${randomBytes(32).toString('base64')}`), 'throw');
const server = await serveCodec({ host: '127.0.0.1', port: 0, codec, token, origins: [origin] });
afterAll(server.close);

const value = { tenant: 'acme' };
const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
const asJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, one]) => [name, base64(one)])),
  data: base64(data),
});
const [encrypted] = await codec.encode([defaultPayloadConverter.toPayload(value)]);
const body = JSON.stringify({ payloads: [asJson(encrypted as Payload)] });

const call = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body, ...init });

test.each([
  ['in the path, as the Temporal UI calls', `/${token}/decode`, {}],
  ['as a bearer token, as the temporal command calls', '/decode', { authorization: `Bearer ${token}` }],
])('decrypts for anyone who has the token %s', async (_how, path, headers) => {
  const response = await call(path, { headers });
  const { payloads } = (await response.json()) as { payloads: { data: string }[] };
  expect(JSON.parse(Buffer.from(payloads[0]?.data ?? '', 'base64').toString())).toEqual(value);
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('encrypts what a person enters in the UI', async () => {
  const plain = asJson(defaultPayloadConverter.toPayload(value));
  const response = await call(`/${token}/encode`, { body: JSON.stringify({ payloads: [plain] }) });
  expect(await response.text()).not.toContain(plain.data);
});

test.each([
  ['no token', '/decode', {}, 401],
  ['a wrong token', '/decode', { headers: { authorization: 'Bearer token-of-the-codec-serve' } }, 401],
  ['a wrong token in the path', '/x/decode', {}, 401],
  ['another call', `/${token}/delete`, {}, 404],
  ['no JSON', `/${token}/decode`, { body: 'x' }, 400],
  ['no payloads', `/${token}/decode`, { body: '{}' }, 400],
  ['a payload that is no base64', `/${token}/decode`, { body: '{"payloads":[{"data":7}]}' }, 400],
  ['a body without end', `/${token}/decode`, { body: 'x'.repeat(9 * 1024 * 1024) }, 400],
])('%s is refused in one line, without a payload', async (_case, path, init, status) => {
  const response = await call(path, init);
  expect(response.status).toBe(status);
  expect(Object.keys((await response.json()) as object)).toEqual(['error']);
});

test('a page of the UI may call, no other page', async () => {
  const preflight = (from: string) =>
    call(`/${token}/decode`, {
      method: 'OPTIONS',
      body: null,
      headers: { origin: from, 'access-control-request-private-network': 'true' },
    });
  const [ours, other] = [await preflight(origin), await preflight('https://evil.example')];
  expect(ours.headers.get('access-control-allow-origin')).toBe(origin);
  expect(ours.headers.get('access-control-allow-private-network')).toBe('true');
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
});
