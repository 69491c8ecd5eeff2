import { InvalidInput, shown } from '../contract/brand.js';

export interface HttpAddress {
  host: string;
  port: number;
}

export const DEFAULT_HTTP_ADDR = '127.0.0.1:9464';

/** Reads `host:port`; port 0 takes a free one.
 * @throws {InvalidInput} */
export function parseHttpAddress(text: string): HttpAddress {
  const [, host, port] = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidInput(`${shown(text)} is no host:port, e.g. ${DEFAULT_HTTP_ADDR} or 0.0.0.0:9464`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
