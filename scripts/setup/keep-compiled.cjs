// `node keep-compiled.cjs FOLDER COMMAND…`: runs a command from the bundle of that folder, and keeps its compiled code.
const { writeFileSync } = require('node:fs');
const { runBundle } = require('../../bin/run-bundle.js');

const [folder] = process.argv.splice(2, 1);
const loaded = runBundle(folder, true);
process.once('exit', () => {
  for (const { script, cacheFile } of loaded) writeFileSync(cacheFile, script.createCachedData());
});
