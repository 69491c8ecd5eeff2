import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inEveryForm, secretsIn } from './echo.js';

/** How the tenant answers; `refusing` answers the valid token with 401. */
export type EchoMood = 'green' | 'red' | 'refusing';

/** Starts a tenant that repeats the secrets of every request in its answer; the mood decides the rest. */
export async function startEchoTenant(token: string) {
  let sha = '';
  let mood: EchoMood = 'green';
  let probe = '';

  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (request.method === 'POST') probe = (JSON.parse(text) as { content: string }).content;
    answer(request, response);
  });

  function answer({ url = '/', method, headers }: IncomingMessage, response: ServerResponse): void {
    const secrets = secretsIn(headers);
    const echo = inEveryForm(secrets);
    const { pathname } = new URL(url, 'http://tenant');
    const known = headers.authorization === `Bearer ${token}` && mood !== 'refusing';
    const [status, body] =
      pathname === '/health' || pathname === '/buildinfo'
        ? [200, { sha: sha || secrets[0] || echo, git_sha: sha || echo, echo }]
        : !known
          ? [401, { error: echo }]
          : (mood === 'green' ? green : red)(`${method} ${pathname}`, echo);
    response.writeHead(status, {
      'content-type': 'application/json',
      'www-authenticate': `Bearer realm="${encodeURIComponent(echo)}"`,
      'x-echo': echo,
    });
    response.end(JSON.stringify(body));
  }

  function green(route: string, echo: string): [number, unknown] {
    if (route === 'GET /admin/liveness') return [200, { subsystems: { db: echo }, echo }];
    if (route === 'POST /memories/commit') return [201, { id: echo, echo }];
    return [200, route === 'GET /memories/search' ? [{ content: probe, echo }] : [{ id: echo }]];
  }

  function red(route: string, echo: string): [number, unknown] {
    if (route === 'GET /admin/liveness') return [500, { error: echo }];
    if (route === 'GET /memories/search') return [200, [{ content: echo }, { content: probe }]];
    return [200, { [echo]: echo }];
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Sets the build that it runs, and how it answers. */
    run: (build: { sha: string; mood?: EchoMood }) => {
      sha = build.sha;
      mood = build.mood ?? 'green';
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
