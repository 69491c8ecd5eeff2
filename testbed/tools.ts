import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A tool that `scripts/setup.mjs` found. */
export interface Tool {
  /** The executable (a jar for the skipping server), absolute, or `docker` for a registry that is an image. */
  readonly path: string;
  readonly from: string;
  readonly version: string;
  /** Version of Temporal's dev server. */
  readonly server?: string;
  /** Image of a registry that `docker run` starts. */
  readonly image?: string;
}

export type ToolName =
  | 'temporal'
  | 'registry'
  | 'crane'
  | 'skipping-server'
  | 'zizmor'
  | 'docker-registry'
  | 'nginx'
  | 'promtool'
  | 'prometheus';

/** The root of the repository, seen from testbed/ and from dist/testbed/ alike. */
export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Record of a tool that set-up installed; undefined if it is not available. */
export function tool(name: ToolName): Tool | undefined {
  const record = join(repositoryRoot, '.tools', 'tools.json');
  if (!existsSync(record)) return undefined;
  const found = (JSON.parse(readFileSync(record, 'utf8')) as Partial<Record<ToolName, Tool>>)[name];
  if (found === undefined || found.image !== undefined) return found;
  return { ...found, path: resolve(repositoryRoot, found.path) };
}

function findRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('the test bed runs inside its repository, and there is no package.json');
  return findRoot(parent);
}
