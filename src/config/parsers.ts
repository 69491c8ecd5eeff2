import { InvalidInput, shown } from '../contract/brand.js';
import { parseRepository, type Repository } from '../contract/image.js';

export interface HttpAddress {
  host: string;
  port: number;
}

/** Parses `host:port`; port 0 takes a free one.
 * @throws {InvalidInput} */
export function parseHttpAddress(address: string): HttpAddress {
  const [, host, port] = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d{1,5})$/i.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidInput(`invalid address ${shown(address)}: expected host:port, e.g. 0.0.0.0:9464`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

export function parseImages(names: string): Repository[] {
  const images = list(names).map(parseRepository);
  const twice = images.find((image, index) => images.indexOf(image) !== index);
  if (twice !== undefined) throw new InvalidInput(`image ${shown(twice)} is named twice: name each once`);
  return images;
}

export function parseWebAddress(address: string): string {
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return address;
  throw new InvalidInput('must be an http or https address');
}

/** Separated by commas, spaces or newlines. */
export function list(items: string): string[] {
  return items.split(/[\s,]+/).filter((part) => part !== '');
}
