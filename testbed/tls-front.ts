import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';

export interface TlsFront {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts TLS before a server that speaks plain text, as nginx does; pipes bytes and changes none.
 * @param behind `host:port` of that server. */
export async function startTlsFront(behind: string, options: TlsOptions, address = '127.0.0.1'): Promise<TlsFront> {
  const sockets = new Set<Socket>();
  const [, host = '', port] = /^(.*):(\d+)$/.exec(behind) ?? [];
  const server = createServer(options, (socket) => {
    const onward = connect({ host, port: Number(port) });
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    onward.pipe(socket).pipe(onward);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const at = (server.address() as AddressInfo).port;
  return {
    host: `${address.includes(':') ? `[${address}]` : address}:${at}`,
    port: at,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
