// `npm run durations -- <report>`: writes the duration of each test file, in seconds, to test/durations.json, so that `npm test`
// starts with the longest. `npm test -- --reporter=json --outputFile.json=<report>` writes the report.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const [report] = process.argv.slice(2);
if (!report) {
  console.error('npm run durations -- <report>');
  process.exit(2);
}
/** Path inside a clone, not of this one alone: the tests may have run in another. */
const inClone = (name) => name.slice(name.lastIndexOf('/test/') + 1);

const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
const seconds = testResults
  .map(({ name, startTime, endTime }) => [inClone(name), Math.round((endTime - startTime) / 1000)])
  .filter(([, took]) => took > 0)
  .sort(([a], [b]) => a.localeCompare(b));
writeFileSync(join(root, 'test', 'durations.json'), `${JSON.stringify(Object.fromEntries(seconds), null, 2)}\n`);
