// `npm run bench -- <name>`: set-up, then the measurement.
import { join } from 'node:path';
import { bundleCli } from './setup/bundle-cli.mjs';
import { setUp } from './setup.mjs';

try {
  await setUp({ tools: ['temporal', 'registry', 'crane'], build: true });
  // What a package runs.
  await bundleCli(join(import.meta.dirname, '..'));
  await import('../dist/bench/main.js');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
