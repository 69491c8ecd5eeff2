import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const UNIMPLEMENTED = 12;
/** First headers of each answer. */
const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

/** Answer to an encoded request: encoded, or a gRPC status code, also with a message, or none ever. */
export type FixedAnswer = (request: Uint8Array) => Uint8Array | number | [code: number, message: string] | 'silent';

const INVALID_ARGUMENT = 3;
/** Answer of a server before 1.30 to the query for runs that are stuck. */
export const UNMARKED: [code: number, message: string] = [
  INVALID_ARGUMENT,
  "invalid query: unable to convert filter expression: invalid expression: column name 'TemporalReportedProblems' is not a valid search attribute",
];

/** Bytes before a message: whether it is compressed, and its length. */
const PREFIX = 5;

/** Starts a Temporal frontend that gives fixed answers by name of the call: for what a real one says only after minutes, or only an old one. */
export async function startFixedTemporal(answers: Record<string, FixedAnswer>) {
  const server = createServer();
  const waiting = new Set<ServerHttp2Stream>();
  server.on('stream', async (stream: ServerHttp2Stream, headers) => {
    const sent = await stream.toArray().catch(() => null);
    // The client may give a call up before it was sent whole, or answered.
    if (sent === null || stream.destroyed) return;
    const request = Buffer.concat(sent).subarray(PREFIX);
    const answer = answers[String(headers[':path']).split('/').at(-1) ?? '']?.(request) ?? UNIMPLEMENTED;
    if (answer === 'silent') {
      waiting.add(stream.once('close', () => waiting.delete(stream)));
      return;
    }
    const [code, message = ''] = Array.isArray(answer) ? answer : [answer];
    if (typeof code === 'number')
      return stream.respond({ ...HEAD, 'grpc-status': code, 'grpc-message': message }, { endStream: true });
    stream.respond(HEAD, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const size = Buffer.alloc(PREFIX);
    size.writeUInt32BE(code.length, 1);
    stream.end(Buffer.concat([size, code]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        // An answer, and no cut: the SDK would send the call again, by a timer that finds its connection closed.
        for (const stream of waiting) stream.respond({ ...HEAD, 'grpc-status': UNIMPLEMENTED }, { endStream: true });
      }),
  };
}
