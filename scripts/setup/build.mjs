import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from './run.mjs';

/** Compiles into dist/, incrementally. Fails on any type error, so that an older build is never run instead. */
export async function build({ root, env, log, say }) {
  removeOrphans(root);
  if (!existsSync(join(root, 'dist', '.tsbuildinfo'))) say('dist  compiling, about 2 s');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, env, log, limitMs: 300_000 });
  // What the SDK loads by `require` is CommonJS, which tsc does not emit.
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.cjs')) copyFileSync(join(root, 'src', file), join(root, 'dist', 'src', file));
}

/** Bundles the workflows of dist/: otherwise each worker process of a test or the demo takes 5 s for it. */
export async function bundle({ root, env, log }) {
  const dist = join(root, 'dist');
  const maker = join(dist, 'workers', 'bundle.js');
  if (!existsSync(maker) || isFresh(join(dist, 'workflow-bundle.json'), dist)) return;
  const script = `const { prebuild } = await import('${pathToFileURL(maker)}'); await prebuild();`;
  await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root, env, log, limitMs: 300_000 });
}

/** Whether the bundle is newer than all code; tsc does not touch unchanged files. Workers compare hashes themselves. */
function isFresh(made, dist) {
  if (!existsSync(made)) return false;
  const since = statSync(made).mtimeMs;
  const files = ['workflows', 'src', 'workers'].flatMap((folder) =>
    readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(dist, folder, name)),
  );
  return files.every((file) => !file.endsWith('.js') || statSync(file).mtimeMs < since);
}

/** Removes the output of removed sources, which tsc keeps and which could still be imported. */
function removeOrphans(root) {
  const dist = join(root, 'dist');
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true })) {
    const source = /^(.*)\.js(\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(root, `${source}.ts`))) rmSync(join(dist, file));
  }
}
