import { numbersOf } from '../testbed/seeded-numbers.js';

/** What a step does: acts of people, faults of machines, and strangers. `chaos/bed/acts.ts` carries them out. */
export const ACTS = [
  'green',
  'red',
  'push again',
  'older',
  'burst',
  'approval',
  'promote only',
  'approve',
  'abort',
  'retry',
  'pause',
  'resume',
  'adopt',
  'roll back',
  'crane',
  'direct',
  'kill a worker',
  'freeze a worker',
  'freeze the writer',
  'kill the server',
  'clock jumps',
  'refuse writes',
  'refuse one image',
  'slow down',
  'cut after the write',
  'accept only',
  'hang',
  'stale reads',
  'tenant crashes',
  'tenant leaves',
  'tenant fails',
  'tenant lies',
  'production falls silent',
  'production turns red',
  'junk signals',
  'forge a lane',
  'start a mover',
] as const;

export type Act = (typeof ACTS)[number];

export interface Step {
  readonly act: Act;
  /** Number from which the act chooses a build, a tenant, a status or a length. */
  readonly choice: number;
  /** Pause before it, in milliseconds; or until the gate reads for a move, writes `:latest`, or a soak is under way. */
  readonly after: number | 'a move' | 'a write' | 'a soak';
}

/** One run of chaos, made from its seed alone. */
export interface Plan {
  readonly seed: number;
  /** Number of canary tenants. */
  readonly tenants: number;
  /** Number of production tenants, which follow `:latest`. */
  readonly production: number;
  /** Number of worker processes. */
  readonly workers: number;
  readonly steps: readonly Step[];
}

const OFTEN: readonly Act[] = ['green', 'green', 'green', 'green', 'approve', 'roll back', 'crane', 'refuse one image'];
const AFTER: readonly Step['after'][] = [0, 200, 800, 2_000, 4_000, 'a move', 'a write', 'a soak', 'a soak'];
/** What follows an act in half of all plans, in the moment in which it hurts most. */
const FOLLOWED: Partial<Record<Act, readonly Omit<Step, 'choice'>[]>> = {
  green: [
    { act: 'freeze the writer', after: 0 },
    { act: 'tenant leaves', after: 'a soak' },
    { act: 'tenant crashes', after: 'a soak' },
    { act: 'push again', after: 'a soak' },
    { act: 'production falls silent', after: 'a write' },
    { act: 'production turns red', after: 'a write' },
  ],
  // A frozen writer is dangerous once another move is over.
  'freeze the writer': [{ act: 'roll back', after: 'a write' }],
};
const [FEWEST, MOST] = [5, 9];

/** Makes the plan of a seed: the same one on every machine. */
export function planOf(seed: number): Plan {
  const next = numbersOf(seed);
  const oneOf = <T>(list: readonly T[]) => list[next() % list.length] as T;
  // A gate without a fleet is rare: most of what can go wrong needs one.
  const tenants = next() % 12 === 0 ? 0 : 2;
  const production = next() % 4 === 0 ? 0 : 2;
  const workers = 2 + (next() % 2);
  const count = FEWEST + (next() % (MOST - FEWEST + 1));
  // Most steps need a release.
  const steps: Step[] = [{ act: 'green', choice: next() % 1_000, after: 0 }];
  while (steps.length < count) {
    const followed = FOLLOWED[steps.at(-1)?.act ?? 'green'];
    const step =
      followed && next() % 2 === 0 ? oneOf(followed) : { act: oneOf([...OFTEN, ...ACTS]), after: oneOf(AFTER) };
    steps.push({ ...step, choice: next() % 1_000 });
  }
  return { seed, tenants, production, workers, steps };
}

/** Finds a smallest prefix of the steps that still fails, by halving; the whole plan if no shorter one does.
 * @param fails runs a plan, and says whether it shows the violation */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let [passes, shown] = [0, plan.steps.length];
  while (shown - passes > 1) {
    const middle = Math.floor((passes + shown) / 2);
    if (await fails({ ...plan, steps: plan.steps.slice(0, middle) })) shown = middle;
    else passes = middle;
  }
  return { ...plan, steps: plan.steps.slice(0, shown) };
}
