import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';
import { BREAKS } from './breaks.js';

/** Makes a copy of the compiled gate without the named thing, and returns its folder. */
export async function brokenDist(name: string): Promise<string> {
  const row = BREAKS[name];
  if (row === undefined) throw new Error(`no such break ${name}: expected ${Object.keys(BREAKS).join(', ')}`);
  // Beside the packages that it imports.
  const root = join(repositoryRoot, '.tools', 'broken', name);
  const folder = join(root, 'dist');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(repositoryRoot, 'package.json'), join(root, 'package.json'));
  cpSync(join(repositoryRoot, 'dist'), folder, { recursive: true });
  for (const { file, find, replace } of row.edits) {
    const path = join(folder, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2) throw new Error(`${file} has the text of break ${name} ${parts.length - 1} times`);
    writeFileSync(path, parts.join(replace));
  }
  // Each worker would bundle the broken workflows for itself.
  const { prebuild } = (await import(join(folder, 'workers', 'bundle.js'))) as { prebuild: () => Promise<void> };
  await prebuild();
  return folder;
}
