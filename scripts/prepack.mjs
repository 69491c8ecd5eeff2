// Before `npm pack`: compiles, and bundles the workflows and the command line, so that both start at once.
import { join } from 'node:path';
import { bundleCli } from './setup/bundle-cli.mjs';
import { setUp } from './setup.mjs';

await setUp({ tools: [], build: true, bundled: true });
await bundleCli(join(import.meta.dirname, '..'));
