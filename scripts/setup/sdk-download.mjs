// Run as a child process by temporal.mjs: lets the Temporal SDK fetch the dev server into the directory it is given.
// A process of its own, because the SDK's native code cannot be told to stop.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir] = process.argv.slice(2);
const environment = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', downloadDir } },
});
await environment.teardown();
