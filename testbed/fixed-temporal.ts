import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const UNIMPLEMENTED = 12;

/** Starts a Temporal frontend that gives fixed answers, encoded by name of the call: for what a real one says only after minutes. */
export async function startFixedTemporal(answers: Record<string, () => Uint8Array>) {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const answer = answers[String(headers[':path']).split('/').at(-1) ?? '']?.();
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    if (answer === undefined) return stream.respond({ ...head, 'grpc-status': UNIMPLEMENTED }, { endStream: true });
    stream.respond(head, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const size = Buffer.alloc(5);
    size.writeUInt32BE(answer.length, 1);
    stream.end(Buffer.concat([size, answer]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
