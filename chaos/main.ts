import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../testbed/tools.js';
import { type Played, play } from './bed/play.js';
import { type Servers, startServers } from './bed/servers.js';
import { BREAKS, brokenDist } from './breaks.js';
import { timeline } from './checker/timeline.js';
import { ACTS, type Act, type Plan, planOf, shrink } from './plan.js';

const USAGE = `npm run chaos -- [--seed N] [--runs M] [--minutes T] [--break ${Object.keys(BREAKS).join('|')}] [--timeline] [--no-shrink]`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1440' },
    break: { type: 'string' },
    timeline: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const [seed, runs, minutes] = [values.seed, values.runs, values.minutes].map(Number) as [number, number, number];
if (![seed, runs, minutes].every((number) => Number.isFinite(number) && number >= 0) || runs < 1) {
  print(USAGE);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const dist = values.break === undefined ? join(repositoryRoot, 'dist') : await brokenDist(values.break);
const started = Date.now();
const servers = await startServers();
let [done, moves, violated] = [0, 0, 0];
const applied = new Map<Act, { applied: number; of: number }>();
try {
  for (let run = seed; run < seed + runs && Date.now() - started < minutes * 60_000; run += 1) {
    const plan = planOf(run);
    const began = Date.now();
    const played = await play(servers, plan, dist);
    done += 1;
    moves += played.evidence.writes.length;
    count(played);
    const took = ((Date.now() - began) / 1_000).toFixed(0);
    const acts = plan.steps.map(({ act }) => act).join(', ');
    print(
      `seed ${run}: ${played.violations.length === 0 ? 'ok' : 'VIOLATION'} in ${took} s, ${played.evidence.writes.length} writes: ${acts}`,
    );
    if (values.timeline) print(drawn(played));
    if (played.violations.length === 0) continue;
    violated += 1;
    await explain(servers, plan, played);
    break;
  }
  const seconds = ((Date.now() - started) / 1_000).toFixed(0);
  print(
    `${done} runs in ${seconds} s on a ${servers.registry} registry: ${moves} writes of :latest, ${violated} with a violation`,
  );
  print(`acts that applied: ${appliedLine()}`);
} finally {
  await servers.stop();
}
if (values.break !== undefined && violated === 0) print(`the checker did not notice: ${BREAKS[values.break]?.breaks}`);
process.exit(violated > 0 === (values.break !== undefined) ? 0 : 1);

function count({ acts }: Played): void {
  for (const { act, isApplied } of acts) {
    if (act === undefined) continue;
    const before = applied.get(act) ?? { applied: 0, of: 0 };
    applied.set(act, { applied: before.applied + (isApplied ? 1 : 0), of: before.of + 1 });
  }
}

/** How many acts applied of how many, in all and by act. */
function appliedLine(): string {
  const sum = [...applied.values()].reduce(
    (all, one) => ({ applied: all.applied + one.applied, of: all.of + one.of }),
    {
      applied: 0,
      of: 0,
    },
  );
  const each = ACTS.flatMap((act) => {
    const one = applied.get(act);
    return one ? [`${act} ${one.applied}/${one.of}`] : [];
  });
  return `${sum.applied} of ${sum.of}: ${each.join(', ')}`;
}

/** Prints what is wrong; then the smallest prefix of the plan that shows it, and its timeline. */
async function explain(servers: Servers, plan: Plan, played: Played): Promise<void> {
  for (const { rule, what } of played.violations) print(`  ${rule}: ${what}`);
  let shown = played;
  const shrunk = values['no-shrink']
    ? plan
    : await shrink(plan, async (smaller) => {
        const again = await play(servers, smaller, dist);
        if (again.violations.length > 0) shown = again;
        return again.violations.length > 0;
      });
  print(`  shown by ${shrunk.steps.length} of ${plan.steps.length} steps: npm run chaos -- --seed ${plan.seed}`);
  print(drawn(shown));
}

function drawn({ evidence, acts, violations }: Played): string {
  return timeline(evidence, acts, violations);
}
