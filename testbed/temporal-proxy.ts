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
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import proto, { type temporal } from '@temporalio/proto';

/** A gRPC status, or no answer at all. */
export type Refusal = number | 'silent';

export type ListAnswer = temporal.api.workflowservice.v1.IListWorkflowExecutionsResponse;

/** What visibility says instead: gets the query, and reads what the server says. */
export type ListFault = (query: string, read: () => Promise<ListAnswer>) => Promise<ListAnswer>;

/**
 * Starts a proxy for a Temporal server: as a client with fewer permissions sees it (a call for which `refuse` returns a gRPC status
 * gets that status), as one sees it whose network fails (`cut` until `heal`), with TLS in front, which ends here, or with a
 * visibility that lags and lies (`lists`).
 */
export async function startTemporalProxy(
  address: string,
  refuse: (call: string, headers: IncomingHttpHeaders) => Refusal | undefined = () => undefined,
  tls?: SecureServerOptions,
  lists?: ListFault,
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
    const call = String(headers[':path']).split('/').at(-1) ?? '';
    const status = refuse(call, headers);
    if (status === undefined && lists && call === 'ListWorkflowExecutions')
      return void answerList(stream, headers, lists).catch(() => stream.close());
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

  async function answerList(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, fault: ListFault): Promise<void> {
    const { ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse } = proto.temporal.api.workflowservice.v1;
    const sent = await buffer(stream);
    const { query } = ListWorkflowExecutionsRequest.decode(messageIn(sent));
    const read = async () => {
      const asked = upstream.request({ ...headers, ':authority': address, ':scheme': 'http' });
      asked.end(sent);
      return ListWorkflowExecutionsResponse.decode(messageIn(await buffer(asked)));
    };
    const message = ListWorkflowExecutionsResponse.encode(await fault(query, read)).finish();
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.concat([frame, message]));
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

/** The one message of a gRPC body. The native client asks for answers with gzip. */
function messageIn(body: Buffer): Buffer {
  const message = body.subarray(5);
  return body[0] === 1 ? gunzipSync(message) : message;
}
