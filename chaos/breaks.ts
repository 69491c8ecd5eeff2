import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

interface Edit {
  /** Compiled file, in `dist/`. */
  file: string;
  find: string;
  replace: string;
}

/** What is taken out of the gate, to see that the checker notices. */
export const BREAKS: Record<string, { breaks: string; edits: Edit[] }> = {
  look: {
    breaks: 'I8: nobody looks whether :latest is where the last move left it',
    edits: [{ file: 'src/lane/moves.js', find: 'if (!isUnexpected)', replace: 'if (true)' }],
  },
  word: {
    breaks: 'I4: the lane grants every write lease that it is asked for',
    edits: [
      {
        file: 'src/lane/moves.js',
        find: "if (decision.decision !== 'allow')",
        replace: "if (decision.decision === 'nothing')",
      },
    ],
  },
  lease: {
    breaks: 'I4: a write lease never gets too old to write',
    edits: [{ file: 'src/move/write-lease.js', find: 'elapsed(grantedAt) < given.windowMs', replace: 'true' }],
  },
  restore: {
    breaks: 'I2: an image whose pair failed is reported as restored, and is not',
    edits: [
      {
        file: 'src/move/restore.js',
        find: '    if (previous === null)\n',
        replace:
          "    if (true)\n        return toMovedImage(course, 'restored', previous);\n    if (previous === null)\n",
      },
    ],
  },
  interruption: {
    breaks: 'I3: a tenant may leave the build, or fall silent, in the soak',
    edits: [
      {
        file: 'src/domain/fleet-watch.js',
        find: 'interrupted.length > 0 ? { interrupted, builds } : null',
        replace: 'null',
      },
    ],
  },
  soak: {
    breaks: 'I3: a build does not soak before its smoke',
    edits: [{ file: 'workflows/release/soaking.js', find: 'if (release.plan.soakMs > 0)', replace: 'if (false)' }],
  },
};

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
