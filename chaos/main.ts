import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../testbed/tools.js';
import { type Played, play } from './bed/play.js';
import { type Servers, startServers } from './bed/servers.js';
import { BREAKS, isOfBreak } from './breaks.js';
import { brokenDist } from './broken-dist.js';
import { believed } from './checker/believed.js';
import type { Violation } from './checker/evidence.js';
import { timeline } from './checker/timeline.js';
import { type Plan, planOf, shrink } from './plan.js';
import { ACTS, type Act } from './steps.js';

const USAGE = `npm run chaos -- [--seed N] [--runs M] [--minutes T] [--steps N] [--break ${Object.keys(BREAKS).join('|')}] [--timeline] [--keep] [--no-shrink]`;

/** Writes of the gate that a batch must have for each run, and runs from which on that is asked: a gate that moves nothing breaks no rule. */
const LEAST_WRITES = 1;
const ENOUGH_RUNS = 5;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1440' },
    /** Plays only the first steps of each plan, as it was shrunk. */
    steps: { type: 'string', default: '1000' },
    break: { type: 'string' },
    timeline: { type: 'boolean', default: false },
    /** Writes what was seen of each run into a file, to judge it again. */
    keep: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const [seed = 0, runs = 0, minutes = 0, first = 0] = [values.seed, values.runs, values.minutes, values.steps].map(
  Number,
);
if (![seed, runs, minutes, first].every((number) => Number.isFinite(number) && number >= 0) || runs < 1) {
  print(USAGE);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const dist = values.break === undefined ? join(repositoryRoot, 'dist') : await brokenDist(values.break);
const started = Date.now();
const servers = await startServers();
let [done, moves, ofGate, violated, lies, stalledMs] = [0, 0, 0, 0, 0, 0];
const applied = new Map<Act, { applied: number; of: number }>();
try {
  for (let run = seed; run < seed + runs && Date.now() - started < minutes * 60_000; run += 1) {
    const whole = planOf(run);
    const plan = { ...whole, steps: whole.steps.slice(0, first) };
    const began = Date.now();
    const played = await play(servers, plan, dist);
    done += 1;
    const own = played.evidence.writes.filter(({ by }) => by === 'gate').length;
    moves += played.evidence.writes.length;
    ofGate += own;
    count(played);
    const took = ((Date.now() - began) / 1_000).toFixed(0);
    const acts = plan.steps.map(({ act }) => act).join(', ');
    const found = played.violations.filter(counts);
    print(
      `seed ${run}: ${found.length > 0 ? 'VIOLATION' : 'ok'} in ${took} s, ${own} of ${played.evidence.writes.length} writes by the gate: ${acts}`,
    );
    const believing = believed(played.evidence);
    lies += believing.length;
    stalledMs = Math.max(stalledMs, played.stalledMs);
    for (const what of believing) print(`  a lie was believed: ${what}`);
    if (values.timeline && found.length === 0) print(drawn(played));
    if (values.keep) keep(plan, played);
    if (found.length === 0) {
      // Beside what is looked for, another rule may be broken.
      for (const { rule, what } of played.violations) print(`  not counted: ${rule}: ${what}`);
      continue;
    }
    violated += 1;
    await explain(servers, plan, { ...played, violations: found });
    break;
  }
  const seconds = ((Date.now() - started) / 1_000).toFixed(0);
  print(
    `${done} runs in ${seconds} s on a ${servers.registry} registry: ${moves} writes of :latest, ${ofGate} of them by the gate, ${violated} with a violation`,
  );
  print(`${lies} lies of tenants believed; the driver stood still for at most ${stalledMs} ms`);
  print(`acts that applied: ${appliedLine()}`);
} finally {
  await servers.stop();
}
if (values.break !== undefined && violated === 0) print(`the checker did not notice: ${BREAKS[values.break]?.breaks}`);
const isIdle = values.break === undefined && done >= ENOUGH_RUNS && ofGate < done * LEAST_WRITES;
if (isIdle)
  print(`the gate wrote ${ofGate} times in ${done} runs: that proves nothing (expected ${LEAST_WRITES} a run)`);
process.exit(!isIdle && violated > 0 === (values.break !== undefined) ? 0 : 1);

function count({ acts }: Played): void {
  for (const { act, isApplied } of acts) {
    if (act === undefined) continue;
    const before = applied.get(act) ?? { applied: 0, of: 0 };
    applied.set(act, { applied: before.applied + (isApplied ? 1 : 0), of: before.of + 1 });
  }
}

/** How many acts applied of how many, in all and by act. */
function appliedLine(): string {
  const sumOf = (count: 'applied' | 'of') => [...applied.values()].reduce((sum, one) => sum + one[count], 0);
  const each = ACTS.flatMap((act) => {
    const one = applied.get(act);
    return one ? [`${act} ${one.applied}/${one.of}`] : [];
  });
  return `${sumOf('applied')} of ${sumOf('of')}: ${each.join(', ')}`;
}

/** Whether a violation counts: with a break, only what that must lead to. */
function counts(violation: Violation): boolean {
  return values.break === undefined || isOfBreak(values.break, violation);
}

/** What a violation is about, without the names, times and digests of its run. */
function kindOf({ rule, what }: Violation): string {
  return `${rule} ${what.replace(/\S*\d\S*/g, '#')}`;
}

/** Prints what is wrong, and the timeline; then the smallest prefix of the plan that shows the same, and its timeline. */
async function explain(servers: Servers, plan: Plan, played: Played): Promise<void> {
  for (const { rule, what } of played.violations) print(`  ${rule}: ${what}`);
  print(`  what was seen, as JSON: ${keep(plan, played)}`);
  print(drawn(played));
  if (values['no-shrink']) return;
  const kinds = new Set(played.violations.map(kindOf));
  let shown = played;
  const shows = async (smaller: Plan) => {
    const again = await play(servers, smaller, dist);
    if (!again.violations.some((one) => kinds.has(kindOf(one)))) return false;
    shown = again;
    return true;
  };
  // The same plan may show it in one play of two.
  const shrunk = await shrink(plan, async (smaller) => (await shows(smaller)) || shows(smaller));
  const [least, most] = [shrunk.steps.length, plan.steps.length];
  print(`  shown by ${least} of ${most} steps: npm run chaos -- --seed ${plan.seed} --steps ${least}`);
  if (shown !== played) print(drawn(shown));
}

/** Writes down what the checker judged: a play of the same seed may not show it again. @returns the file. */
function keep({ seed: number }: Plan, { evidence, acts, violations }: Played): string {
  const file = join(repositoryRoot, '.tools', 'chaos', `seed-${number}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ violations, acts, evidence }));
  return file;
}

function drawn({ evidence, acts, violations }: Played): string {
  return timeline(evidence, acts, violations);
}
