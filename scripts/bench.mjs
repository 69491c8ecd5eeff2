// `npm run bench -- <name>`: set-up, then the measurement.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCli } from './setup/bundle-cli.mjs';
import { setUp } from './setup.mjs';

try {
  await setUp({ tools: ['temporal', 'registry', 'crane'], build: true, bundled: true });
  const root = join(import.meta.dirname, '..');
  await bundleCli(root);
  // What a package runs (bench/packaged-cli.ts).
  const folder = join(root, 'dist', 'package');
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['package.json', 'bin', join('dist', 'cli')])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  await import('../dist/bench/main.js');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
