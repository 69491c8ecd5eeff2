import { createServer } from 'node:net';

/** How often a port that another process took first is given up for another one. */
const ATTEMPTS = 5;

/**
 * Runs `bind` with a free `host:port` of the loopback interface and returns that address. For programs that accept no port 0.
 * Another process may take the port before `bind` does, so a failure is tried again with another port.
 */
export async function onFreePort(bind: (address: string) => void): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const address = `127.0.0.1:${await freePort()}`;
    try {
      bind(address);
      return address;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
