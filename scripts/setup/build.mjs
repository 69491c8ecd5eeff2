import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Compiles into dist/, incrementally. Fails on any type error, so that what was built before is never run instead. */
export async function build({ root, env, log, say }) {
  removeOrphans(root);
  if (!existsSync(join(root, 'dist', '.tsbuildinfo'))) say('dist  compiling, about 2 s');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, env, log, limitMs: 300_000 });
}

/** tsc leaves the output of a source that is gone; it must not be there to be imported. */
function removeOrphans(root) {
  const dist = join(root, 'dist');
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true })) {
    const source = /^(.*)\.js(\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(root, `${source}.ts`))) rmSync(join(dist, file));
  }
}
