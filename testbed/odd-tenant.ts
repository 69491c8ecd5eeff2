import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { inEveryForm, secretsIn } from './echo.js';

const GOOD = JSON.stringify({ ok: true });
const DRIBBLE_MS = 10;

type Play = (response: ServerResponse, request: IncomingMessage, nth: number, elsewhere: string) => unknown;

const json = (response: ServerResponse, body: string | Buffer, headers: Record<string, string> = {}, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

const bare =
  (status: number): Play =>
  (response) =>
    response.writeHead(status).end();

/** Unusual and faulty answers, apart from their content. Each one is the answer to every request. */
export const ODDITIES = {
  good: (response) => json(response, GOOD),
  'good, in gzip': (response) => json(response, gzipSync(GOOD), { 'content-encoding': 'gzip' }),
  'good, in deflate': (response) => json(response, deflateSync(GOOD), { 'content-encoding': 'deflate' }),
  'good, with a byte order mark': (response) => json(response, `\ufeff${GOOD}`),
  'good, 1 MiB long': (response) => json(response, GOOD.padEnd(1024 * 1024)),
  'one byte more than 1 MiB': (response) => json(response, GOOD.padEnd(1024 * 1024 + 1)),
  'a body without end': (response) => dribble(response.writeHead(200, { 'content-type': 'application/json' }), 65_536),
  'a gzip bomb': (response) =>
    json(response, gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')), { 'content-encoding': 'gzip' }),
  'no gzip': (response) => json(response, GOOD, { 'content-encoding': 'gzip' }),
  'an unknown coding': (response) => json(response, GOOD, { 'content-encoding': 'zstd' }),
  'gzip twice': (response) => json(response, gzipSync(gzipSync(GOOD)), { 'content-encoding': 'gzip, gzip' }),
  'slow bytes': (response) => dribble(response.writeHead(200, { 'content-type': 'application/json' }), 1),
  'deep JSON': (response) => json(response, '['.repeat(500_000) + ']'.repeat(500_000)),
  'brackets in a text': (response) => json(response, JSON.stringify({ ok: true, text: '[{"'.repeat(1_000) })),
  'a text without end': (response) => json(response, `"${'\\"'.repeat(500_000)}`),
  'UTF-16': (response) =>
    json(response, Buffer.from(GOOD, 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }),
  'Latin-1': (response) => json(response, Buffer.from('{"ok":true,"n":"\xe9"}', 'latin1')),
  'half of the JSON': (response) => json(response, GOOD.slice(0, 5)),
  'an empty body': (response) => json(response, ''),
  'JSON as text': (response) => json(response, GOOD, { 'content-type': 'text/plain' }),
  'no content type': (response) => response.writeHead(200).end(GOOD),
  'not HTTP': (response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'),
  'headers without end': (response) => json(response, GOOD, { 'x-long': 'x'.repeat(64 * 1024) }),
  'a reset': (response) => response.socket?.resetAndDestroy(),
  'an answer that breaks off': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"ok":');
    setTimeout(() => response.destroy(), DRIBBLE_MS);
  },
  'a 500 without end': (response) => dribble(response.writeHead(500, { 'content-type': 'text/html' }), 1),
  'a 503 without end': (response) => dribble(response.writeHead(503), 1),
  'a redirect elsewhere': (response, _request, _nth, elsewhere) =>
    response.writeHead(302, { location: `${elsewhere}/elsewhere?token=x` }).end(),
  'a redirect to a login of its own origin': (response) =>
    response.writeHead(302, { location: '/oauth2/sign_in?rd=%2Fthing' }).end(),
  'a redirect inside': (response) => response.writeHead(301, { location: '/thing/' }).end(),
  'a challenge of a CDN': (response) =>
    response.writeHead(403, { 'cf-mitigated': 'challenge', 'content-type': 'text/html' }).end('<html>'),
  'a login page that is marked': (response) => json(response, GOOD, { 'x-goog-iap-generated-response': 'true' }),
  'a tunnel that is offline': (response) => response.writeHead(404, { 'ngrok-error-code': 'ERR_NGROK_3200' }).end(),
  '407': bare(407),
  '408': bare(408),
  '520': bare(520),
  '521': bare(521),
  '522': bare(522),
  '527': bare(527),
  '530': bare(530),
  '519': bare(519),
  '528': bare(528),
  '204': bare(204),
  '502': bare(502),
  '504': bare(504),
  '429, then good': (response, _request, nth) =>
    nth === 0 ? json(response, '{}', { 'retry-after': '1' }, 429) : json(response, GOOD),
  '503 for an hour': (response) => json(response, '{}', { 'retry-after': '3600' }, 503),
  '503 until a date': (response, _request, nth) =>
    nth === 0
      ? json(response, '{}', { 'retry-after': new Date(Date.now() + 1_500).toUTCString() }, 503)
      : json(response, GOOD),
  'a reset, then good': (response, _request, nth) =>
    nth === 0 ? response.socket?.resetAndDestroy() : json(response, GOOD),
  'all that it was sent': (response, request) => json(response, inEveryForm(secretsIn(request.headers)), {}, 500),
} satisfies Record<string, Play>;

export type Oddity = keyof typeof ODDITIES;

/** Starts a server that answers every request with one of them. */
export async function startOddTenant(oddity: Oddity, elsewhere = '') {
  const play: Play = ODDITIES[oddity];
  const requests: { method: string; path: string; headers: IncomingMessage['headers']; at: number }[] = [];
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers, at: Date.now() });
    play(response, request, requests.length - 1, elsewhere);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function dribble(response: ServerResponse, bytes: number): void {
  const timer = setInterval(() => response.write(' '.repeat(bytes)), DRIBBLE_MS);
  response.once('close', () => clearInterval(timer));
}
