import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** A bundle is an expression: a function that bin/run-bundle.js calls. */
const headOf = (parameters) =>
  `(function (${parameters}) { 'use strict'; const moduleUrl = require('node:url').pathToFileURL(filename).href, nodeModule = require, module = { exports: {} };`;
const TAIL = '})';

/** Modules of Node that packages load for what the gate does not do: HTTP/2, bodies that are answers of Node's own server, commands that are programs of their own. */
const UNUSED = [
  [/^node:http2$/, '/undici/', 'module.exports = { constants: {} };'],
  [/^node:http$/, '/undici/', 'module.exports = { IncomingMessage: class {}, maxHeaderSize: 16384 };'],
  [/^node:child_process$/, '/commander/', 'module.exports = {};'],
  // It is called as a function alone.
  [
    /^node:assert$/,
    '/undici/',
    "module.exports = (value, message) => { if (!value) throw message instanceof Error ? message : new Error(message ?? 'an assertion of undici failed'); };",
  ],
];

/** Modules of Node that few runs of a command need, and that take long to load. */
const LATE = /^node:(?:child_process|tls|zlib)$/;
/** What a newer Node than this one has in them, and the gate uses where it is there. */
const NEWER = ['getCACertificates'];

/** Temporal's client, which is two thirds of the code: what asks only the registry or the tenants does not load it. */
const SDK = /^@temporalio\/(?:client|common|envconfig|proto)(?:\/|$)/;

/** Leaves out most of two packages, and what takes Node longer to load than a request. */
const lean = (sdk) => ({
  name: 'lean',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: SDK }, ({ path }) => {
      sdk.add(path);
      return { path, namespace: 'sdk' };
    });
    onLoad({ filter: SDK, namespace: 'sdk' }, ({ path }) => ({
      contents: `module.exports = sdk()(${JSON.stringify(path)});`,
    }));
    for (const [filter, folder, contents] of UNUSED) {
      onResolve({ filter }, ({ path, importer }) =>
        importer.includes(folder) ? { path, namespace: `unused-${folder}` } : null,
      );
      onLoad({ filter, namespace: `unused-${folder}` }, () => ({ contents }));
    }
    onResolve({ filter: LATE }, ({ path }) => ({ path, namespace: 'late' }));
    onLoad({ filter: LATE, namespace: 'late' }, ({ path }) => ({ contents: lateModule(path) }));
    const undici = fileURLToPath(new URL('undici-client.cjs', import.meta.url));
    onResolve({ filter: /^undici$/ }, () => ({ path: undici }));
    // Suites of users import the API and zod as modules, which have all of zod: the commands need a third.
    onResolve({ filter: /^\.\/index\.js$/ }, ({ importer }) =>
      importer.endsWith('load-suite.js') ? { path: '../dist/src/smoke/index.js', external: true } : null,
    );
  },
});

/** A module of Node that is loaded when something of it is first used. */
function lateModule(path) {
  const names = new Set([...Object.keys(require(path)), ...NEWER]);
  const getters = [...names].map((name) => `get ${name}() { return load().${name}; }`);
  return `const load = () => nodeModule(${JSON.stringify(path)}); module.exports = { ${getters.join(', ')} };`;
}

/**
 * Bundles the command line of dist/src into two files of dist/cli/, packages included, and keeps V8's compiled code beside them
 * (docs/decisions/0030-cold-start.md). Only a package runs it (bin/canary.js): in a clone it could be older than the code.
 */
export async function bundleCli(root) {
  // A fresh clone has no packages when it loads this file.
  const { build } = await import('esbuild');
  const folder = join(root, 'dist', 'cli');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const common = {
    absWorkingDir: root,
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'error',
    legalComments: 'none',
    write: false,
    footer: { js: TAIL },
    define: { 'import.meta.url': 'moduleUrl' },
  };
  const sdk = new Set();
  const canary = await build({
    ...common,
    entryPoints: ['dist/src/cli/bin.js'],
    banner: { js: headOf('require, importModule, sdk, filename') },
    plugins: [lean(sdk)],
    // A worker runs from the modules of dist/ (bin/canary.js): it loads the native client, and starts once in days.
    external: ['*/workers/main.js', '@temporalio/worker', 'jiti'],
  });
  writeFileSync(join(folder, 'canary.cjs'), textOf(canary));
  const modules = [...sdk].map((id) => `case ${JSON.stringify(id)}: return require(${JSON.stringify(id)});`);
  const contents = `module.exports = (id) => { switch (id) { ${modules.join(' ')} } };`;
  const client = await build({
    ...common,
    stdin: { contents, resolveDir: root },
    banner: { js: headOf('require, filename') },
    footer: { js: `return module.exports; ${TAIL}` },
  });
  writeFileSync(join(folder, 'sdk.cjs'), textOf(client));
  await compileAhead(root, folder);
}

const textOf = ({ outputFiles: [file] }) =>
  file.text
    // Code from a cache cannot import a module (Node 20): bin/run-bundle.js does it, so paths are relative to bin/.
    .replaceAll(/\bimport\("/g, 'importModule("')
    // A text with any other character takes twice the memory, and twice the time to compile.
    .replaceAll(/\P{ASCII}/gu, escaped);

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
