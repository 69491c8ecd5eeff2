import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** Bundles the workflows: `.ts` when run from source, `.js` when run from the build. */
export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: workflowFile('index'),
    // In workflows alone: what activities get comes from our own workflows.
    payloadConverterPath: workflowFile('payload-converter'),
    logger: QUIET,
  });
}

function workflowFile(name: string): string {
  const extension = extname(fileURLToPath(import.meta.url));
  return fileURLToPath(new URL(`../workflows/${name}${extension}`, import.meta.url));
}

const ignore = () => undefined;
const QUIET = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: reportError };

function reportError(message: string): void {
  process.stderr.write(`${message}\n`);
}
