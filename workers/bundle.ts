import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const here = fileURLToPath(import.meta.url);
/** `.ts` when run from source, `.js` when run from the build. */
const extension = extname(here);
/** The folder that `workflows/` and `src/` lie in. */
const root = join(dirname(here), '..');
const prebuilt = join(root, 'workflow-bundle.json');

/** The workflows in one file: the one that was built ahead, where it is of this very code, else bundled now, which takes seconds. */
export async function workflowBundle(): Promise<{ code: string; origin: string }> {
  const { hash, code } = existsSync(prebuilt) ? JSON.parse(readFileSync(prebuilt, 'utf8')) : { hash: '', code: '' };
  if (hash === hashOfSources()) return { code, origin: 'built ahead' };
  return { ...(await bundleWorkflows()), origin: 'built now' };
}

/** The version of a worker: that of the package, and eight digits of its workflow code, by which a run replays or does not. */
export function workerVersion(): string {
  // `package.json` is beside `dist/`.
  const folder = existsSync(join(root, 'package.json')) ? root : dirname(root);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return `${version}+${hashOfSources().slice(0, 8)}`;
}

/** Builds the bundle ahead, for images and packages. */
export async function prebuild(): Promise<void> {
  const { code } = await bundleWorkflows();
  // Another worker may be reading it.
  const written = `${prebuilt}.${process.pid}`;
  writeFileSync(written, JSON.stringify({ hash: hashOfSources(), code }));
  renameSync(written, prebuilt);
}

/** How the workflows are bundled: modules of `workflows/`. */
const BUNDLED = {
  // In workflows alone: what activities get comes from our own workflows.
  payloadConverter: 'shared/payload-converter',
  failureConverter: 'shared/failure-converter',
  interceptors: ['shared/interceptors'],
  // Loaded once, in place of once for each run in memory: no module keeps anything (ADR 31).
  isPreloaded: true,
};

export function bundleWorkflows(workflowsPath = workflowFile('index')): Promise<{ code: string }> {
  const interceptors = BUNDLED.interceptors.map(workflowFile);
  return bundleWorkflowCode({
    workflowsPath,
    payloadConverterPath: workflowFile(BUNDLED.payloadConverter),
    failureConverterPath: workflowFile(BUNDLED.failureConverter),
    workflowInterceptorModules: interceptors,
    preloadModules: BUNDLED.isPreloaded ? [workflowsPath, ...interceptors] : [],
    logger: QUIET,
  });
}

/** Of all that a workflow may import, and of how it is bundled. */
export function hashOfSources(): string {
  const hash = createHash('sha256').update(JSON.stringify(BUNDLED));
  for (const folder of ['workflows', join('src', 'contract'), join('src', 'domain'), join('src', 'lane')])
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort())
      if (file.endsWith(extension)) hash.update(`${file}\0`).update(readFileSync(join(root, folder, file)));
  return hash.digest('hex');
}

const workflowFile = (name: string) => join(root, 'workflows', `${name}${extension}`);

const ignore = () => undefined;
const QUIET = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: reportError };

function reportError(message: string): void {
  process.stderr.write(`${message}\n`);
}
