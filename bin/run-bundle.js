const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

/**
 * Runs the command line from its bundle. If this Node compiled the command ahead, what it compiled is taken from a cache. V8 refuses one
 * of another V8, or of code of another length; that both are of one code, the build sees to, which empties the folder first.
 * @param {string} folder that of the bundle
 * @returns what makes the cache (`scripts/setup/bundle-cli.mjs`), and where it belongs
 */
exports.runBundle = (folder) => {
  // V8 would optimize undici's parser of HTTP, which is WebAssembly, after a few answers: the process could not end before that is done,
  // and no command lives long enough to gain by it.
  setFlagsFromString('--wasm-tiering-budget=1000000000');
  const filename = join(folder, 'canary.cjs');
  const cacheOf = (command) => join(folder, `${command}-${process.version}-${process.platform}-${process.arch}.cache`);
  const cacheFile = cacheOf(/^[a-z]+$/.exec(process.argv[2] ?? '')?.[0] ?? 'none');
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData: readIfThere(cacheFile) ?? readIfThere(cacheOf('none')),
  });
  script.runInThisContext()(createRequire(filename), (id) => import(id), filename);
  return { script, cacheFile };
};

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
