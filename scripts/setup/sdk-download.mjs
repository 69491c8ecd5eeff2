// Child process of temporal.mjs: lets the Temporal SDK download the dev server into the given directory. A separate
// process, because the native code of the SDK cannot be stopped.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir] = process.argv.slice(2);
const environment = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', downloadDir } },
});
await environment.teardown();
