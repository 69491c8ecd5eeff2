// Loaded first by every thread of a test process for `npm run coverage -- --workflows`: workflow code runs in threads of the SDK, which
// ends them without notice, and in the main thread when it is replayed. So V8's counts are added to a file of each thread again and again.
const { appendFileSync } = require('node:fs');
const { Session } = require('node:inspector');
const { join } = require('node:path');
const { isMainThread, parentPort, threadId } = require('node:worker_threads');

/** Pause between two additions, in milliseconds: the main thread has the counts of all other code, too. */
const EVERY_MS = isMainThread ? 5_000 : 500;

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const file = join(process.env.WORKFLOW_COVERAGE, `${process.pid}.${threadId}.jsonl`);
const take = () =>
  // The answer comes at once, and has what was counted since the one before.
  session.post('Profiler.takePreciseCoverage', (error, { result } = { result: [] }) => {
    for (const { url, scriptId, functions } of error ? [] : result)
      if (url.includes('workflow-bundle')) appendFileSync(file, `${JSON.stringify({ scriptId, functions })}\n`);
  });
setInterval(take, EVERY_MS).unref();
process.on('exit', take);
parentPort?.on('message', ({ input }) => {
  if (input?.type === 'destroy') take();
});
