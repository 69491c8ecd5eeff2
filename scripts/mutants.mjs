// `npm run mutants [-- <part of a name>...]`: breaks the code on purpose, a row of test/mutants/*.mjs at a time in a
// scratch copy, and requires that the named test fails. `-- --changed [base]` tries only the mutants whose file or test
// differs from base (default: HEAD), `-- --resume` leaves out those that an earlier run killed and whose files and test are
// as they were, `-- --check` only checks the tables, `-- --jobs <n>` sets how many run in parallel.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findProblems } from './mutants/check.mjs';
import { killedMutants } from './mutants/killed.mjs';
import { makeScratch } from './mutants/scratch.mjs';
import { readMutants } from './mutants/table.mjs';
import { stopRunning } from './mutants/vitest.mjs';

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    changed: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    // Tests have time-outs: with more runs than cores they fail for lack of CPU.
    jobs: { type: 'string', default: String(Math.min(3, availableParallelism())) },
  },
});
const jobs = Number(values.jobs);
if (!(Number.isInteger(jobs) && jobs > 0)) {
  console.error('npm run mutants -- [--check] [--changed [base]] [--resume] [--jobs <n>] [part of a name...]');
  process.exit(2);
}

const mutants = await readMutants(root);
const killed = killedMutants(root);
if (values.check) await check();
else await run(choose());

async function check() {
  const problems = await findProblems(root);
  for (const problem of problems) console.log(problem);
  console.log(`${mutants.length} mutants, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

/** With --changed the first argument is the base. */
function choose() {
  const [base, parts] = values.changed ? [positionals[0] ?? 'HEAD', positionals.slice(1)] : [null, positionals];
  const changed = base === null ? null : changedSince(base);
  return mutants
    .filter((mutant) => !(values.resume && killed.has(mutant)))
    .filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .filter(
      ({ edits, testFile }) =>
        !changed || [testFile, ...edits.map(({ file }) => file)].some((file) => changed.has(file)),
    );
}

/** @returns {Set<string>} the files that differ from a commit, including untracked files */
function changedSince(base) {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0');
  const untracked = git('ls-files', '-z', '--others', '--exclude-standard');
  return new Set([...git('diff', '-z', '--name-only', '--no-renames', base, '--'), ...untracked]);
}

/** @param {import('./mutants/table.mjs').Mutant[]} chosen */
async function run(chosen) {
  const started = Date.now();
  const waiting = [...chosen];
  const survivors = [];
  const scratches = [];
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      stopped = true;
      void stopRunning();
    });
  const work = async () => {
    if (waiting.length === 0) return;
    const scratch = makeScratch(root);
    scratches.push(scratch);
    for (let mutant = waiting.shift(); mutant && !stopped; mutant = waiting.shift()) {
      const began = Date.now();
      const verdict = await scratch.tryMutant(mutant);
      if (stopped) return;
      printVerdict(mutant, verdict, Date.now() - began);
      if (verdict.outcome === 'killed') killed.add(mutant);
      else survivors.push(mutant);
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    waiting.length = 0;
    await stopRunning();
    for (const scratch of scratches) scratch.remove();
  }
  if (stopped) process.exit(130);
  console.log(`${seconds(Date.now() - started)} s in total`);
  console.log(`${chosen.length - survivors.length} killed, ${survivors.length} not, of ${chosen.length}`);
  process.exitCode = survivors.length > 0 || (chosen.length === 0 && !values.changed && !values.resume) ? 1 : 0;
}

function printVerdict({ name, group }, { outcome, why }, tookMs) {
  console.log(`${outcome.padEnd(8)} ${name} (${group}) ${seconds(tookMs)} s${why && `: ${why}`}`);
}

/** @param {number} ms */
function seconds(ms) {
  return (ms / 1000).toFixed(1);
}
