import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The bundle is an expression: a function that bin/run-bundle.js calls. */
const HEAD =
  "(function (require, importModule, filename) { 'use strict'; const moduleUrl = require('node:url').pathToFileURL(filename).href, module = { exports: {} };";
const TAIL = '})';

/** Modules of Node that packages load for what the gate does not do: HTTP/2, and commands that are programs of their own. */
const UNUSED = [
  [/^node:http2$/, '/undici/', 'module.exports = { constants: {} };'],
  [/^node:child_process$/, '/commander/', 'module.exports = {};'],
];

/** Leaves out most of two packages, and what takes Node longer to load than a request. */
const LEAN = {
  name: 'lean',
  setup({ onResolve, onLoad }) {
    for (const [filter, folder, contents] of UNUSED) {
      onResolve({ filter }, ({ path, importer }) =>
        importer.includes(folder) ? { path, namespace: `unused-${folder}` } : null,
      );
      onLoad({ filter, namespace: `unused-${folder}` }, () => ({ contents }));
    }
    const undici = fileURLToPath(new URL('undici-client.cjs', import.meta.url));
    onResolve({ filter: /^undici$/ }, () => ({ path: undici }));
    // Suites of users import the API and zod as modules, which have all of zod: the commands need a third.
    onResolve({ filter: /^\.\/index\.js$/ }, ({ importer }) =>
      importer.endsWith('load-suite.js') ? { path: '../dist/src/smoke/index.js', external: true } : null,
    );
  },
};

/**
 * Bundles the command line of dist/src into one file of dist/cli/, packages included, and keeps V8's compiled code beside it
 * (docs/decisions/0030-cold-start.md). Only a package runs it (bin/canary.js): in a clone it could be older than the code.
 */
export async function bundleCli(root) {
  // A fresh clone has no packages when it loads this file.
  const { build } = await import('esbuild');
  const folder = join(root, 'dist', 'cli');
  rmSync(folder, { recursive: true, force: true });
  const outfile = join(folder, 'canary.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['dist/src/cli/bin.js'],
    outfile,
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'error',
    legalComments: 'none',
    banner: { js: HEAD },
    footer: { js: TAIL },
    define: { 'import.meta.url': 'moduleUrl' },
    plugins: [LEAN],
    // A worker runs from the modules of dist/ (bin/canary.js): it loads the native client, and starts once in days.
    external: ['*/workers/main.js', '@temporalio/worker', 'jiti'],
  });
  const text = readFileSync(outfile, 'utf8')
    // Code from a cache cannot import a module (Node 20): bin/run-bundle.js does it, so paths are relative to bin/.
    .replaceAll(/\bimport\("/g, 'importModule("')
    // A text with any other character takes twice the memory, and twice the time to compile.
    .replaceAll(/\P{ASCII}/gu, escaped);
  writeFileSync(outfile, text);
  await compileAhead(root, folder);
}

/** A character as one or two escapes, which strings, templates and regular expressions read alike. */
const escaped = (character) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** Builds that the commands find, of two images. */
const SHAS = ['4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31', 'c5a07f46d2e91b8370fa4c5d6e182b9073ac5fe4'];
const IMAGES = ['gate/app', 'gate/app-tenant'];

/** Runs what people wait for. Each command has its own cache: V8 compiles a function when it is first called, and reads a cache as a whole. */
async function compileAhead(root, folder) {
  const { startMemoryRegistry } = await import(join(root, 'dist', 'testbed', 'memory-registry.js'));
  const { pushBuild } = await import(join(root, 'dist', 'testbed', 'images.js'));
  const registry = await startMemoryRegistry();
  try {
    for (const sha of SHAS)
      for (const repository of IMAGES)
        await pushBuild({ registry: registry.host, repository, tag: `staging-${sha.slice(0, 7)}`, sha });
    const env = {
      CANARY_IMAGES: IMAGES.map((image) => `${registry.host}/${image}`).join(),
      CANARY_TENANT_URLS: `http://${registry.host}`,
      CANARY_ADMIN_TOKENS: 'none',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    };
    const moves = SHAS.map((sha) => [
      'rollback',
      sha,
      '--direct',
      '--force',
      '--by',
      'npm pack',
      '--reason',
      'npm pack',
    ]);
    for (const args of [['--version'], ...moves, ['smoke'], ['status']]) await ended(args, env, folder);
  } finally {
    await registry.stop();
  }
}

/** The commands fail, for nothing but a registry is there; what they ran counts. */
function ended(args, env, folder) {
  const script = [fileURLToPath(new URL('keep-compiled.cjs', import.meta.url)), folder, ...args];
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, script, { env: { PATH, HOME, ...env }, stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', resolve));
}
