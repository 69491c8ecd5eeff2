// Loaded first by every thread of a test process (`vitest.config.ts`). The SDK calls into a workflow with a time-out of 5 s, for which
// Node starts and joins a thread: 120 µs of CPU a call in place of 7, and each activation makes several. A workflow that loops for
// ever fails its test by the time-out of the test.
const { Script } = require('node:vm');

const { runInContext } = Script.prototype;
Script.prototype.runInContext = function runUntimed(context, { timeout: _, ...options } = {}) {
  return runInContext.call(this, context, options);
};
