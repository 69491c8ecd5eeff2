// `npm run mutants [-- <part of a name>...]`: breaks the code on purpose, a patch at a time in a scratch copy, and demands
// that the test which guards it goes red. A patch that no test notices is a promise that nobody keeps.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'mutants');
/** A mutant that hangs its test is noticed too, by the test's own time-out; this bound is for a run that never ends. */
const TIMEOUT_MS = 300_000;

const wanted = process.argv.slice(2);
const patches = readdirSync(folder)
  .filter((name) => name.endsWith('.patch'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();

let passed = 0;
const survivors = [];
for (const name of patches) {
  const mutant = read(join(folder, name));
  const started = Date.now();
  const verdict = hunt(mutant);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${verdict === null ? 'killed  ' : 'SURVIVED'} ${mutant.name} (${mutant.invariant}) ${seconds} s${verdict ? `: ${verdict}` : ''}`,
  );
  if (verdict === null) passed += 1;
  else survivors.push(mutant.name);
}
console.log(`${passed} passed, ${survivors.length} failed`);
process.exitCode = survivors.length > 0 || patches.length === 0 ? 1 : 0;

/** A patch begins with `Invariant:`, `Breaks:` and `Test: <file> > <name>`. */
function read(file) {
  const text = readFileSync(file, 'utf8');
  const field = (key) => new RegExp(`^${key}: (.+)$`, 'm').exec(text)?.[1];
  const [testFile, testName] = (field('Test') ?? '').split(' > ');
  if (!field('Invariant') || !field('Breaks') || !testFile || !testName)
    throw new Error(`${file}: begin with Invariant:, Breaks: and Test: <file> > <name of the test>`);
  return { file, name: basename(file, '.patch'), invariant: field('Invariant'), testFile, testName };
}

/** Null when the named test went red, else what happened instead. */
function hunt({ file, testFile, testName }) {
  const scratch = mkdtempSync(join(tmpdir(), 'canary-mutant-'));
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
    execFileSync('tar', ['-cf', join(scratch, 'copy.tar'), '--null', '-T', '-'], {
      cwd: root,
      input: files.join('\0'),
    });
    execFileSync('tar', ['-xf', 'copy.tar'], { cwd: scratch });
    for (const shared of ['node_modules', '.tools']) symlinkSync(join(root, shared), join(scratch, shared));
    const applied = spawnSync('git', ['apply', '--whitespace=nowarn', file], { cwd: scratch, encoding: 'utf8' });
    if (applied.status !== 0) return `the patch does not apply: ${applied.stderr.trim()}`;
    // Tests of whole processes run what is built; a breakage may leave a variable unused, which is no matter.
    if (testFile.startsWith('test/e2e/')) spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { cwd: scratch });
    return run(scratch, testFile, testName);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function run(scratch, testFile, testName) {
  const report = join(scratch, 'report.json');
  const vitest = join(scratch, 'node_modules', 'vitest', 'vitest.mjs');
  const pattern = testName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const args = [vitest, 'run', testFile, '-t', pattern, '--reporter=json', `--outputFile=${report}`];
  const { error } = spawnSync(process.execPath, args, { cwd: scratch, stdio: 'ignore', timeout: TIMEOUT_MS });
  if (error) return error.message;
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((suite) => suite.assertionResults);
  } catch {
    return 'the run left no report: the test bed did not start';
  }
  const found = results.find((result) => result.fullName.endsWith(testName));
  if (!found) return `there is no test "${testName}" in ${testFile}`;
  return found.status === 'failed' ? null : `its test ${found.status}`;
}
