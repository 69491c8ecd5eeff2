import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface HttpProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** `CONNECT host:port` or `GET http://…` of each request, in order. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

export interface HttpProxyOptions {
  /** User and password that it requires, `user:password`. */
  login?: string;
  /** Where it connects a name that only it knows, `host:port` by `host:port`. */
  knows?: Readonly<Record<string, string>>;
  /** Status that it answers to every request. */
  refuses?: number;
}

/** Starts a proxy as companies have one: CONNECT for https, whole addresses for http, with a login or without. */
export async function startHttpProxy({ login, knows = {}, refuses }: HttpProxyOptions = {}): Promise<HttpProxy> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const refusal = ({ headers }: IncomingMessage): number | undefined => {
    if (refuses !== undefined) return refuses;
    const expected = login && `Basic ${Buffer.from(login).toString('base64')}`;
    return expected && headers['proxy-authorization'] !== expected ? 407 : undefined;
  };
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const status = refusal(incoming);
    if (status !== undefined || !URL.canParse(incoming.url ?? '')) return void outgoing.writeHead(status ?? 400).end();
    const url = new URL(incoming.url ?? '');
    const { host, 'proxy-authorization': _, ...headers } = incoming.headers;
    const to = `http://${knows[url.host] ?? url.host}${url.pathname}${url.search}`;
    const onward = request(to, { method: incoming.method, headers: { ...headers, host } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (incoming, socket) => {
    requests.push(`CONNECT ${incoming.url}`);
    socket.on('error', () => undefined);
    const status = refusal(incoming);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} no\r\ncontent-length: 0\r\n\r\n`);
    const [, host = '', port] = /^\[?(.+?)\]?:(\d+)$/.exec(knows[incoming.url ?? ''] ?? incoming.url ?? '') ?? [];
    const onward = connect({ host, port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    onward.on('error', () => socket.end('HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n'));
    socket.on('close', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
