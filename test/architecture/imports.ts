import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

/** One import of a file: of another file of the repository, by its path, or of a package, by its name. */
export interface Import {
  from: string;
  to: string;
  isType: boolean;
}

/** Every TypeScript and JavaScript file that git knows or would add, by its path from the root. */
export const files: string[] = repositoryFiles('*.ts', '*.mjs');

export const sourceOf = (file: string): string => readFileSync(join(repositoryRoot, file), 'utf8');

/** Static and dynamic imports, re-exports and `import()` types: in all of them the module stands in single quotes (biome). */
const IMPORT = /(?:^|\s)(?:import|export)(\s+type)?\s(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'/gm;

export function importsOf(file: string, source = sourceOf(file)): Import[] {
  const known = new Set(files);
  return [...source.matchAll(IMPORT)].map(([, isType, fixed, dynamic]) => {
    const module = fixed ?? dynamic ?? '';
    const path = relative(repositoryRoot, resolve(repositoryRoot, dirname(file), module));
    const to = module.startsWith('.')
      ? ([path.replace(/\.js$/, '.ts'), path].find((one) => known.has(one)) ?? path)
      : module;
    return { from: file, to, isType: isType !== undefined };
  });
}

/** The part of the product that a file belongs to: `src/lane`, `workflows`, …; a package is its own. */
export function areaOf(path: string): string {
  const [top = '', folder, file] = path.split('/');
  return top === 'src' && file !== undefined ? `src/${folder}` : top;
}

/** Groups of files that import each other in a circle (Tarjan's strongly connected components of more than one file). */
export function circles(imports: Import[]): string[][] {
  const next = new Map<string, Import[]>();
  for (const one of imports) next.set(one.from, [...(next.get(one.from) ?? []), one]);
  const found: string[][] = [];
  const seen = new Map<string, { index: number; low: number; isOpen: boolean }>();
  const open: string[] = [];
  const visit = (file: string) => {
    const own = { index: seen.size, low: seen.size, isOpen: true };
    seen.set(file, own);
    open.push(file);
    for (const { to } of next.get(file) ?? []) {
      const other = seen.get(to) ?? visit(to);
      if (other.isOpen) own.low = Math.min(own.low, other.low);
    }
    if (own.low !== own.index) return own;
    const circle = open.splice(open.indexOf(file));
    for (const member of circle) (seen.get(member) ?? own).isOpen = false;
    if (circle.length > 1) found.push(circle.sort());
    return own;
  };
  for (const file of next.keys()) if (!seen.has(file)) visit(file);
  return found;
}
