import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** What esbuild's modules need to load CommonJS. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/**
 * Bundles the command line of dist/src into dist/cli/, packages included: a process that loads 600 files spends more time on
 * them than on its work. Only a package runs it (bin/canary.js): in a clone it could be older than the code.
 */
export async function bundleCli(root) {
  // A fresh clone has no packages when it loads this file.
  const { build } = await import('esbuild');
  rmSync(join(root, 'dist', 'cli'), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: ['dist/src/cli/bin.js'],
    outdir: 'dist/cli',
    bundle: true,
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'error',
    legalComments: 'none',
    banner: { js: REQUIRE },
    // A worker runs from the modules of dist/ (bin/canary.js): it loads the native client, and starts once in days.
    external: ['*/workers/main.js', '@temporalio/worker', 'jiti'],
  });
}
