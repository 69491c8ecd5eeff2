import { dirname, resolve } from 'node:path';
import type { Network } from '../../net/network.js';
import { FleetError, type FleetSource } from '../fleet.js';
import { messageOf, ownVariable, parseFleet } from './parse.js';
import type { Source } from './schema.js';

/** What a fleet is read with. */
export interface FileSources {
  env: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => string;
  network: Network;
}

export interface FileFleetOptions {
  file: string;
  /** The variable that names the file: each problem begins with it. */
  setting: string;
  /** Prefix for a tenant without a name; its position follows. */
  unnamed: string;
  /** Whether each tenant must have a token. */
  needsToken: boolean;
  /** Further problems, by the number of tenants. */
  check: (tenants: number) => string[];
}

/** The fleet of a file, read again each time, with every secret that it names. */
export function fileFleet(
  { file, setting, unnamed, needsToken, check }: FileFleetOptions,
  sources: FileSources,
): FleetSource {
  return {
    fixed: 'file',
    async read(signal) {
      signal?.throwIfAborted();
      const { problems, ...fleet } = readFleetFile(file, sources, unnamed, needsToken);
      const all = [...check(fleet.tenants.length), ...problems];
      if (all.length > 0) throw new FleetError(all.map((problem) => `${setting}: ${problem}`));
      return fleet;
    },
  };
}

function readFleetFile(
  path: string,
  { env, readFile, network }: FileSources,
  unnamed: string,
  needsToken: boolean,
): ReturnType<typeof parseFleet> {
  const lookUp = (source: Source) =>
    'env' in source ? ownVariable(env, source.env) : readFile(resolve(dirname(path), source.file));
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    return { tenants: [], access: new Map(), problems: [messageOf(error)] };
  }
  return parseFleet(text, { unnamed, needsToken, network, lookUp });
}
