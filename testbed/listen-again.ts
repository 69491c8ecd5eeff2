import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const LISTEN_AGAIN_MS = 10_000; // An outgoing connection may use the port while its server is down.

/** Listens on a port of 127.0.0.1, any one for 0; waits while another socket has it. */
export async function listenAgain(server: Server, port: number): Promise<void> {
  const deadline = Date.now() + LISTEN_AGAIN_MS;
  for (;;) {
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', resolve);
        resolve(undefined);
      });
    });
    if (!failure) return;
    if (failure.code !== 'EADDRINUSE' || Date.now() > deadline) throw failure;
    await sleep(50);
  }
}
