import { InvalidInput, shown } from '../contract/brand.js';
import { parseRegistryHost, parseRepository, type Repository } from '../contract/image.js';

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

/** An image of the gate. */
export interface GateImage {
  repository: Repository;
  /** Whether a build may have no image of it: then it keeps its `:latest`. */
  isOptional: boolean;
}

/** Most images that move together: each is read, and written, at once. */
const MAX_IMAGES = 20;
const OPTIONAL = '#optional';

/** Parses the images of a gate, each with `#optional` at its end if a build may leave it out.
 * @throws {InvalidInput} */
export function parseImages(names: string): GateImage[] {
  const images = list(names).map((name) => {
    const isOptional = name.endsWith(OPTIONAL);
    return { repository: parseRepository(isOptional ? name.slice(0, -OPTIONAL.length) : name), isOptional };
  });
  const all = images.map(({ repository }) => repository);
  const twice = all.find((image, index) => all.indexOf(image) !== index);
  if (twice !== undefined) throw new InvalidInput(`image ${shown(twice)} is named twice: name each once`);
  if (all.length > MAX_IMAGES) throw new InvalidInput(`${all.length} images: expected at most ${MAX_IMAGES}`);
  return images;
}

/** Hosts of registries, separated by commas, spaces or newlines.
 * @throws {InvalidInput} */
export const parseRegistryHosts = (hosts: string): string[] => list(hosts).map(parseRegistryHost);

/** Parses an address that people are shown.
 * @throws {InvalidInput} */
export function parseWebAddress(address: string): string {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol) || !/^[\x21-\x7e]{1,2000}$/.test(address))
    throw new InvalidInput('must be an http or https address');
  const { username, password } = new URL(address);
  if (username || password) throw new InvalidInput('has a user or password, which its readers would see: leave it out');
  return address;
}

/** Separated by commas, spaces or newlines. */
export function list(items: string): string[] {
  return items.split(/[\s,]+/).filter((part) => part !== '');
}
