import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { send } from '../../src/net/http.js';
import { DIRECT } from '../../src/net/network.js';
import { openPool } from '../../src/net/pool.js';

test('a request that follows the answer of another one takes its connection: a new one would cost a TLS handshake', async () => {
  let connections = 0;
  const server = createServer((request, response) => response.end(request.method === 'PUT' ? '' : 'an answer'));
  server.on('connection', () => {
    connections += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const pool = openPool({ network: DIRECT, connectMs: 1_000 });
  const ask = (method: 'GET' | 'PUT') =>
    send({ method, url, network: DIRECT, dispatcher: pool, timeoutMs: 5_000, maxBytes: 100 });
  try {
    for (const method of ['GET', 'PUT', 'GET', 'PUT', 'GET'] as const) expect((await ask(method)).status).toBe(200);
    expect(connections).toBe(1);
  } finally {
    await pool.destroy();
    server.close();
  }
});
