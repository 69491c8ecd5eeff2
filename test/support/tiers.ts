import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..', '..');

/** Marks of a test that needs a Temporal server, a registry or the built command line, in its file or one that it imports. */
const NEEDS_A_SERVER = /\binject\(|\btestbed\/(temporal-server|registry-server|skipping-server)\.js'|'canary\.js'/;

/** Files that measure their process, and so run in one each. */
const ALONE = ['deadline.test.ts', 'hostile.test.ts'];

export interface Tiers {
  /** Files without a server: they run in seconds. */
  quick: string[];
  alone: string[];
  server: string[];
}

/** Groups all test files by what their imports need. */
export function tiers(): Tiers {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(root, 'test', name))
    .sort();
  const found: Tiers = { quick: [], alone: [], server: [] };
  for (const file of files) {
    const tier = ALONE.some((name) => file.endsWith(`/${name}`)) ? 'alone' : needsServer(file) ? 'server' : 'quick';
    found[tier].push(relative(root, file));
  }
  if (found.alone.length !== ALONE.length) throw new Error(`not every file of ${ALONE} is there`);
  return found;
}

function needsServer(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (NEEDS_A_SERVER.test(text)) return true;
  // A type import does not exist at run time.
  const imports = [
    ...text.replace(/^import type [^;]*;/gm, '').matchAll(/(?:from|import) '(\.{1,2}\/[^']+)\.js'/g),
  ].map(([, path]) => resolve(dirname(file), `${path}.ts`));
  // The product does not import the servers of the tests.
  return imports.some((one) => /\/(test|testbed|chaos)\//.test(one) && needsServer(one, seen));
}
