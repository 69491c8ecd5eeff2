// `npm run durations -- <report>`: writes the duration of each test file, in seconds, to test/durations.json, so that `npm test`
// starts with the longest: at least 1, and 0 for a file of which nothing ran.
// `npm test -- --reporter=json --outputFile.json=<report>` writes the report.
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
const ran = ({ assertionResults }) => assertionResults.some(({ status }) => status === 'passed' || status === 'failed');
const secondsOf = (file) => (ran(file) ? Math.max(1, Math.round((file.endTime - file.startTime) / 1000)) : 0);
const seconds = testResults.map((file) => [inClone(file.name), secondsOf(file)]).sort(([a], [b]) => a.localeCompare(b));
writeFileSync(join(root, 'test', 'durations.json'), `${JSON.stringify(Object.fromEntries(seconds), null, 2)}\n`);
