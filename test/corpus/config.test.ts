import { loadConfig } from '../../src/config/load.js';
import { corpus } from '../support/corpus.js';

interface Input {
  env: Record<string, string>;
  /** Content of the files there are, by path. */
  files?: Record<string, string>;
  /** Settings to show of an environment that is accepted. */
  show?: string[];
}

corpus<Input>('config', async ({ env, files = {}, show = [] }) => {
  const config = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', ...env }, (path) => {
    if (!Object.hasOwn(files, path)) throw new Error(`there is no file ${path}`);
    return files[path] ?? '';
  });
  return Object.fromEntries(show.map((name) => [name, (config as unknown as Record<string, unknown>)[name]]));
});
