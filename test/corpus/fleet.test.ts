import { DIRECT } from '../../src/net/network.js';
import { fileFleet } from '../../src/tenants/sources/file.js';
import { corpus } from '../support/corpus.js';

interface Input {
  /** Text of the fleet file, or what is in it. */
  file: unknown;
  env?: Record<string, string>;
  files?: Record<string, string>;
}

corpus<Input>('fleet', async ({ file, env = {}, files = {} }) => {
  const text = typeof file === 'string' ? file : JSON.stringify(file);
  const readFile = (path: string) => {
    if (path === '/etc/fleet.json') return text;
    if (!Object.hasOwn(files, path)) throw new Error(`there is no file ${path}`);
    return files[path] ?? '';
  };
  const options = { file: '/etc/fleet.json', setting: 'CANARY_FLEET_FILE', unnamed: 'canary', needsToken: true };
  const source = fileFleet({ ...options, check: () => [] }, { env, readFile, network: DIRECT });
  return (await source.read()).tenants;
});
