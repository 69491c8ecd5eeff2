const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

/**
 * Runs the command line from its bundle. If this Node compiled the command ahead, what it compiled is taken from a cache. V8 refuses one
 * of another V8, or of code of another length; that both are of one code, the build sees to, which empties the folder first.
 * @param {string} folder that of the bundle
 * @param {boolean} keeps whether the caller makes the caches, which must not depend on a flag that is set later
 * @returns each script that was loaded until now, and where its cache belongs (`scripts/setup/bundle-cli.mjs`)
 */
exports.runBundle = (folder, keeps = false) => {
  if (!keeps) keepParserSimple();
  // zod would compile a parser for each schema, which takes longer than what a command parses.
  globalThis.__zod_globalConfig = { jitless: true };
  const command = /^[a-z]+$/.exec(process.argv[2] ?? '')?.[0] ?? 'none';
  const loaded = [];
  const load = (name, other) => {
    const filename = join(folder, `${name}.cjs`);
    const cacheOf = (of) => join(folder, `${name}-${of}-${process.version}-${process.platform}-${process.arch}.cache`);
    const cacheFile = cacheOf(command);
    const cachedData = readIfThere(cacheFile) ?? readIfThere(cacheOf(other));
    const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
    loaded.push({ script, cacheFile });
    return { filename, require: createRequire(filename), run: script.runInThisContext() };
  };
  let sdk;
  const loadSdk = () => {
    if (sdk === undefined) {
      const { filename, require, run } = load('sdk', 'status');
      sdk = run(require, filename);
    }
    return sdk;
  };
  const { filename, require, run } = load('canary', 'none');
  run(require, (id) => import(id), loadSdk, filename);
  return loaded;
};

/**
 * V8 would optimize undici's parser of HTTP, which is WebAssembly, after a few answers: the process could not end before that is done, and
 * no command lives long enough to gain by it. The flag counts when the parser is made. It is not set sooner: from then on V8 refuses what
 * was compiled without it, Node's own modules included.
 */
function keepParserSimple() {
  const { Module } = WebAssembly;
  WebAssembly.Module = class extends Module {
    constructor(bytes) {
      WebAssembly.Module = Module;
      setFlagsFromString('--wasm-tiering-budget=2147483647');
      super(bytes);
    }
  };
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
