// `node keep-compiled.cjs FOLDER COMMAND…`: runs a command from the bundle of that folder, and keeps its compiled code.
const { writeFileSync } = require('node:fs');
const { runBundle } = require('../../bin/run-bundle.js');

const [folder] = process.argv.splice(2, 1);
const { script, cacheFile } = runBundle(folder);
process.once('exit', () => writeFileSync(cacheFile, script.createCachedData()));
