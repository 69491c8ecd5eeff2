#!/usr/bin/env node
// Parsed by older Nodes too: they end with one line, where loading the program would print a stack trace.
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { bun, deno, node } = process.versions;
const numbers = (version) => version.replace(/^\D+/, '').split('.').map(Number);
const [[major, minor, patch], [leastMajor, leastMinor, leastPatch]] = [numbers(node), numbers(engines.node)];
const isOld = major - leastMajor || minor - leastMinor || patch - leastPatch;

if (bun !== undefined || deno !== undefined || isOld < 0) {
  const runtime = bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node ${node}`;
  process.stderr.write(
    `canary: ${runtime} is not supported: run it with Node ${engines.node.replace('>=', '')} or newer\n`,
  );
  process.exitCode = 2;
} else {
  // A package has its command line in a bundle, which starts sooner; a clone has `src/`, and may have changed since. A worker
  // runs from the modules.
  const bundles = join(root, 'dist', 'cli');
  // As `typedCommand` in src/cli/command.ts, which is not loaded yet.
  const command = process.argv.slice(2).find((one, at, all) => !one.startsWith('-') && all[at - 1] !== '--gate');
  const isBundled = existsSync(bundles) && !existsSync(join(root, 'src')) && command !== 'worker';
  if (isBundled) require('./run-bundle.js').runBundle(bundles);
  else void import('../dist/src/cli/bin.js');
}
