import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..', '..');

/** What needs a server of Temporal's, a registry or the built command line: its file, or one that it imports, mentions one of these. */
const NEEDS_A_SERVER = /\binject\(|\btestbed\/(temporal-server|registry-server|skipping-server)\.js'|'canary\.js'/;

/** Files that measure their own process, and so have one each. */
const ALONE = ['deadline.test.ts', 'hostile.test.ts'];

export interface Tiers {
  /** No server: they run in seconds. */
  quick: string[];
  alone: string[];
  server: string[];
}

/** All test files by what they need; a file is put where its imports say it belongs. */
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
  // A type is gone by the time the file runs.
  const imports = [
    ...text.replace(/^import type [^;]*;/gm, '').matchAll(/(?:from|import) '(\.{1,2}\/[^']+)\.js'/g),
  ].map(([, path]) => resolve(dirname(file), `${path}.ts`));
  // The product knows nothing of the tests' servers.
  return imports.some((one) => /\/(test|testbed)\//.test(one) && needsServer(one, seen));
}
