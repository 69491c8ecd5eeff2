import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Port before a server of TLS that tells a client which speaks plain text so, as Go's and nginx' do. */
export interface TwoSchemePort {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Connections that are reset at their first byte, from now on. */
  resets: number;
  /** Whether plain text is served, by `plain`, and TLS is reset. */
  isPlain: boolean;
  /** What clients sent in plain text that was not served. */
  readonly inClear: readonly string[];
  /** Closes every open connection. */
  drop(): void;
  stop(): Promise<void>;
}

/** First byte of a TLS record of the handshake. */
const HANDSHAKE = 0x16;
const WORDS = 'Client sent an HTTP request to an HTTPS server.\n';

/** Starts such a port before two servers, each `host:port`. */
export async function startTwoSchemePort(behind: { tls: string; plain: string }): Promise<TwoSchemePort> {
  const sockets = new Set<Socket>();
  const inClear: string[] = [];
  const state = { resets: 0, isPlain: false, inClear };
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', (first) => {
      const isTls = first[0] === HANDSHAKE;
      if (state.resets > 0 || (state.isPlain && isTls)) {
        state.resets -= 1;
        return void socket.resetAndDestroy();
      }
      if (!isTls && !state.isPlain) {
        inClear.push(first.toString('latin1'));
        return void socket.end(
          `HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: ${WORDS.length}\r\n\r\n${WORDS}`,
        );
      }
      const onward = connect(Number((isTls ? behind.tls : behind.plain).split(':')[1]), '127.0.0.1');
      sockets.add(onward.on('error', () => undefined));
      socket.on('close', () => onward.destroy());
      onward.on('close', () => socket.destroy());
      onward.write(first);
      onward.pipe(socket).pipe(onward);
    });
  });
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    drop,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        drop();
      }),
  });
}
