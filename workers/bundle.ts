import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** Bundles the workflows: `.ts` when run from source, `.js` when run from the build. */
export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  const extension = extname(fileURLToPath(import.meta.url));
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(`../workflows/index${extension}`, import.meta.url)),
    logger: QUIET,
  });
}

const ignore = () => undefined;
const QUIET = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: reportError };

function reportError(message: string): void {
  process.stderr.write(`${message}\n`);
}
