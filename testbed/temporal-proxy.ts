import {
  connect,
  constants,
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A gRPC status, or no answer at all. */
export type Refusal = number | 'silent';

/**
 * Starts a proxy for a Temporal server: as a client with fewer permissions sees it (a call for which `refuse` returns a gRPC status
 * gets that status), as one sees it whose network fails (`cut` until `heal`), or with TLS in front, which ends here.
 */
export async function startTemporalProxy(
  address: string,
  refuse: (call: string, headers: IncomingHttpHeaders) => Refusal | undefined = () => undefined,
  tls?: SecureServerOptions,
) {
  let upstream = connect(`http://${address}`);
  const server = tls ? createSecureServer(tls) : createServer();
  let isCut = false;
  server.on('session', (session) => {
    if (isCut) return session.destroy();
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const status = refuse(String(headers[':path']).split('/').at(-1) ?? '', headers);
    if (status === undefined) return passOn(stream, headers);
    if (status === 'silent') return;
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': 'not for you' },
      { endStream: true },
    );
  });

  function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // The server ends each connection after five minutes.
    if (upstream.closed || upstream.destroyed) upstream = connect(`http://${address}`);
    const asked = upstream.request({ ...headers, ':authority': address, ':scheme': 'http' });
    let trailers: IncomingHttpHeaders = {};
    asked.once('response', (answer, flags) => {
      // It was cut while the server answered.
      if (stream.destroyed) return asked.close();
      // An answer with trailers only ends with its headers.
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(answer, { waitForTrailers: !endStream, endStream });
      asked.on('trailers', (sent) => {
        trailers = sent;
      });
      stream.once('wantTrailers', () => stream.sendTrailers(trailers));
      if (!endStream) asked.pipe(stream);
    });
    asked.once('error', () => stream.close());
    stream.once('error', () => asked.close());
    // A poll of a process that was killed would take a task with it.
    stream.once('close', () => asked.close());
    stream.pipe(asked);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Ends all connections, and refuses new ones until `heal`. */
    cut(): void {
      isCut = true;
      for (const session of sessions) session.destroy();
    },
    heal(): void {
      isCut = false;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        upstream.destroy();
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}
