import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload, PayloadCodec } from '@temporalio/common';

/** Largest request, in bytes: Temporal's limit of a payload is 2 MB, and base64 makes it a third longer. */
const MAX_BODY = 8 * 1024 * 1024;
/** Most payloads of a request. */
const MAX_PAYLOADS = 1_000;

export interface CodecServerOptions {
  host: string;
  port: number;
  codec: PayloadCodec;
  /** Expected as `Authorization: Bearer`, or as the first part of the path: the Temporal UI sends no token of its own. */
  token: string;
  /** Origins of the Temporal UI that a browser may call from. */
  origins: readonly string[];
}

/**
 * Serves Temporal's remote codec protocol, so that the Temporal UI and `temporal --codec-endpoint` show encrypted payloads: `POST
 * /encode` and `/decode` of `{"payloads": [...]}`. Answers 401 without the token, and 400 with one line to what it cannot do.
 * @throws what the socket says, `EADDRINUSE` above all.
 */
export async function serveCodec(options: CodecServerOptions): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      respond(response, 400, { error: error instanceof Error ? error.message : 'invalid request' });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, close };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: CodecServerOptions): Promise<void> {
  const { origin, authorization = '' } = request.headers;
  if (origin !== undefined && options.origins.includes(origin)) allow(request, response, origin);
  if (request.method === 'OPTIONS') return void response.writeHead(204).end();
  const parts = (request.url ?? '').split('?')[0]?.split('/').filter(Boolean) ?? [];
  const call = parts.pop();
  const isKnown = [authorization.replace(/^Bearer /, ''), parts.join('/')].some((one) => isToken(one, options.token));
  if (!isKnown) return respond(response, 401, { error: 'the token is missing or wrong' });
  if (request.method !== 'POST' || (call !== 'encode' && call !== 'decode'))
    return respond(response, 404, { error: 'POST /encode or /decode' });
  const payloads = parsePayloads(await readBody(request));
  respond(response, 200, { payloads: (await options.codec[call](payloads)).map(toJson) });
}

function isToken(given: string, token: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function allow(request: IncomingMessage, response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', 'authorization, content-type, x-namespace');
  response.setHeader('vary', 'origin');
  // A page of another network asks before it calls the loopback interface.
  if (request.headers['access-control-request-private-network'] !== undefined)
    response.setHeader('access-control-allow-private-network', 'true');
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Error(`the request is longer than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Error('the request is not JSON');
  }
}

function parsePayloads(body: unknown): Payload[] {
  const { payloads } = Object(body) as { payloads?: unknown };
  if (!Array.isArray(payloads) || payloads.length > MAX_PAYLOADS)
    throw new Error(`the request is not {"payloads": [...]} of at most ${MAX_PAYLOADS}`);
  return payloads.map((payload) => {
    const { metadata, data } = Object(payload) as { metadata?: unknown; data?: unknown };
    const entries = Object.entries(Object(metadata)).map(([name, value]) => [name, fromBase64(value)]);
    return { metadata: Object.fromEntries(entries), data: fromBase64(data ?? '') };
  });
}

function fromBase64(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw new Error('the request has a payload that is not in base64');
  return Buffer.from(value, 'base64');
}

const toBase64 = (value: Uint8Array) => Buffer.from(value).toString('base64');
const toJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)])),
  data: toBase64(data ?? new Uint8Array()),
});

function respond(response: ServerResponse, status: number, body: object): void {
  // The rest of a body that was not read would be taken for the next request.
  if (status !== 200) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
