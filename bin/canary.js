#!/usr/bin/env node
// Parsed by older Nodes too: they end with one line, where loading the program would print a stack trace.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
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
  await import('../dist/src/cli/bin.js');
}
