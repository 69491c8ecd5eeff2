// Loaded first by every thread of a test process (`vitest.config.ts`): what the SDK does for an operator costs a quarter of the CPU of the tests.
const v8 = require('node:v8');
const { Script } = require('node:vm');

// The SDK calls into a workflow with a time-out of 5 s, for which Node starts and joins a thread: 120 µs of CPU a call in place of 7,
// and each activation makes several. A workflow that loops for ever fails its test by the time-out of the test.
const { runInContext } = Script.prototype;
Script.prototype.runInContext = function runUntimed(context, { timeout: _, ...options } = {}) {
  return runInContext.call(this, context, options);
};

// For the query `__stack_trace` the SDK records the stack of each promise of a thread. No test asks for it, and `canary worker` records it.
// Node itself uses the object that is replaced here, so that one stays as it is.
const stop = () => undefined;
v8.promiseHooks = { ...v8.promiseHooks, createHook: () => stop };
