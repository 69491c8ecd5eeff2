import { numbersOf } from '../testbed/seeded-numbers.js';
import { ACTS, type Act, type Step } from './steps.js';

/** One run of chaos, made from its seed alone. */
export interface Plan {
  readonly seed: number;
  /** Number of canary tenants. */
  readonly tenants: number;
  /** Number of production tenants, which follow `:latest`. */
  readonly production: number;
  /** Number of worker processes. */
  readonly workers: number;
  /** One red tenant of production makes the gate roll back. */
  readonly autoRollback: boolean;
  /** Its moves wait as long as in production, and reads lag as long as the gate promises to bear: such a run takes minutes. */
  readonly hasRealWaits: boolean;
  readonly steps: readonly Step[];
}

const OFTEN: readonly Act[] = ['green', 'green', 'green', 'approval', 'roll back', 'crane', 'refuse one image'];
const AFTER: readonly Step['after'][] = [0, 200, 800, 2_000, 4_000, 'a move', 'a write', 'a soak', 'a soak'];
type Link = [Act, Step['after']];

/** Acts that answer another one: they come in its chains only. */
const ANSWERS: readonly Act[] = ['approve', 'retry', 'resume'];

const RARE: readonly Act[] = ['split the pair', 'edge answers 502', 'edge answers 503'];
/** What is played at the end of some plans, by the rest of their seeds by twenty: situations that are rarely drawn. They change no other plan. */
const AT_THE_END: Record<number, readonly [...Link, choice?: number][]> = {
  // A person moves all images in the pause after a refused write.
  1: [
    ['green', 0],
    ['refuse writes', 'a soak', 420],
    ['crane', 'a write', 1],
  ],
  // A release is held twice, and the approval of its first hold comes once more.
  3: [
    ['approval', 0],
    ['retry', 'a hold'],
    ['tenant leaves', 0],
    ['junk', 2_000],
    ['approve', 'a hold'],
  ],
  // A pause while the mover reads what it moves to: the release has looked for one, and the lane alone can say no.
  4: [
    ['green', 0],
    ['hang reads', 'a soak', 692],
    ['pause', 'a move'],
    ['resume', 'a hold'],
  ],
  // Two rollbacks, both forced, while the lane begins again.
  5: [
    ['green', 0],
    ['green', 'a write'],
    ['terminate the lane', 'a write'],
    ['roll back', 0, 3],
    ['roll back', 200, 9],
  ],
  // What stands before a tenant answers in its place.
  7: [
    ['green', 0],
    ['edge answers 502', 'a soak'],
    ['green', 4_000],
    ['edge answers 503', 'a soak'],
  ],
  // A writer is frozen for 22 s with a refused write; meanwhile another attempt ends the move, and a rollback writes.
  9: [
    ['freeze the writer', 0, 1_237],
    // A new build, that no hold of the lane stops.
    ['promote only', 0, 2],
    ['junk', 'a write'],
    ['roll back', 'a write', 3],
  ],
  // A person adopts `:latest` while one image is moved, and the other one is refused for a while.
  11: [
    ['green', 0],
    ['refuse one image', 'a soak', 403],
    ['adopt', 'a write', 0],
    ['crane', 200, 17],
    ['adopt', 200, 1],
  ],
  // A pause that lasts until the move would be over.
  13: [
    ['green', 0],
    ['pause', 'a soak'],
    ['resume', 'a hold'],
  ],
  // Production turns red, and a person moves all images once the policy has looked where `:latest` is.
  15: [
    ['green', 0],
    ['production turns red', 'a write'],
    ['crane', 500, 4],
  ],
  // A pair stays split if its first image is written, and neither the second one nor the way back.
  17: [
    ['split the pair', 0],
    ['promote only', 0, 2],
    ['green', 'a hold'],
  ],
  // Writes hang for 7 s from the soak on, and a person goes back meanwhile.
  19: [
    ['green', 0],
    ['hang', 'a soak', 462],
    ['roll back', 'a move', 3],
  ],
};
/** What follows an act in half of all plans, in the moment in which it hurts most. */
const CHAINS: Partial<Record<Act, readonly Link[][]>> = {
  green: [
    [['freeze the writer', 0]],
    [['tenant leaves', 'a soak']],
    [['tenant crashes', 'a soak']],
    [['tenant crash-loops', 'a soak']],
    [['tenant answers 503', 'a soak']],
    [['push again', 'a soak']],
    [['freeze the server', 'a write']],
    [['terminate the lane', 'a soak']],
    [
      ['pause', 'a soak'],
      ['resume', 4_000],
    ],
    [
      ['crane', 'a soak'],
      ['approve', 'a hold'],
    ],
    [
      ['roll back', 'a write'],
      ['release again', 'a write'],
    ],
    [['production falls silent', 'a write']],
    [['production turns red', 'a write']],
  ],
  approval: [
    [['approve', 'a hold']],
    [
      ['push again', 'a hold'],
      ['approve', 200],
    ],
    [
      ['terminate the lane', 'a hold'],
      ['approve', 800],
    ],
    [['abort', 'a hold']],
  ],
  pause: [
    [['resume', 2_000]],
    [
      ['kill the server', 0],
      ['resume', 4_000],
    ],
    [
      ['green', 0],
      ['resume', 'a move'],
    ],
  ],
  crane: [
    [
      ['adopt', 200],
      ['green', 0],
    ],
    [
      ['green', 0],
      ['approve', 'a hold'],
    ],
  ],
  // What holds a release until a person answers.
  'push again': [[['retry', 'a hold']]],
  'tenant lies': [[['retry', 'a hold']]],
  'tenant fails': [[['retry', 'a hold']]],
  // A frozen writer is dangerous once another move is over.
  'freeze the writer': [[['roll back', 'a write']]],
  'clock jumps': [
    [['clock jumps', 800]],
    [
      ['green', 0],
      ['freeze the writer', 'a soak'],
    ],
  ],
  'stale reads': [
    [
      ['green', 0],
      ['crane', 'a soak'],
    ],
  ],
  // While Temporal is away, it may go without force.
  'kill the server': [[['direct', 0]]],
  'freeze the server': [[['direct', 0]], [['green', 0]]],
  'refuse reads': [[['promote only', 0]], [['roll back', 0]]],
  'cut reads': [[['promote only', 0]], [['roll back', 0]]],
  'hang reads': [[['promote only', 0]], [['roll back', 0]]],
  // What they claim is a build that must be found red, and one that need not be.
  'tenant pretends': [[['red', 0]], [['green', 0]]],
  'roll back': [
    [['release again', 'a write']],
    [
      ['release again', 'a write'],
      ['approve', 'a hold'],
    ],
  ],
  'production turns red': [[['release again', 'a write']]],
  quarantine: [
    [['green', 0]],
    [
      ['green', 0],
      ['tenant crashes', 'a soak'],
    ],
  ],
  'terminate the lane': [[['green', 0]], [['roll back', 0]], [['forge a lane', 0]]],
};
const [FEWEST, MOST] = [5, 9];
/** Rest of a seed by 25 that has real waits: none of the seeds of `npm run test:full`. */
const REAL_WAITS = 21;

/** Makes the plan of a seed: the same one on every machine. */
export function planOf(seed: number): Plan {
  const next = numbersOf(seed);
  const oneOf = <T>(list: readonly T[]) => list[next() % list.length] as T;
  // A gate without a fleet is rare: most of what can go wrong needs one.
  const tenants = next() % 12 === 0 ? 0 : 2;
  const production = tenants === 0 || next() % 4 === 0 ? 0 : 2;
  const workers = 2 + (next() % 2);
  const autoRollback = production > 0 && next() % 2 === 0;
  const count = FEWEST + (next() % (MOST - FEWEST + 1));
  const applies = (act: Act) =>
    !(production === 0 && act.startsWith('production')) && !(tenants === 0 && /^tenant |^quarantine/.test(act));
  const drawn = [...OFTEN, ...ACTS].filter((act) => applies(act) && ![...ANSWERS, ...RARE].includes(act));
  const hasRealWaits = seed % 25 === REAL_WAITS;
  // Most steps need a release.
  const steps: Step[] = [{ act: 'green', choice: next() % 1_000, after: 0 }];
  if (hasRealWaits) steps.push({ act: 'stale reads', choice: next() % 1_000, after: 0 });
  while (steps.length < count) {
    const chains = CHAINS[steps.at(-1)?.act ?? 'green']?.filter((chain) => chain.every(([act]) => applies(act)));
    const chain: Link[] = chains && next() % 2 === 0 ? oneOf(chains) : [[oneOf(drawn), oneOf(AFTER)]];
    for (const [act, after] of chain) steps.push({ act, after, choice: next() % 1_000 });
  }
  const last = AT_THE_END[seed % 20] ?? [];
  if (tenants > 0 && last.every(([act]) => applies(act)))
    for (const [act, after, choice = next() % 1_000] of last) steps.push({ act, after, choice });
  return { seed, tenants, production, workers, autoRollback, hasRealWaits, steps };
}

/** Finds the smallest prefix of the steps that still fails; the whole plan if no shorter one does. A longer prefix may pass that has one that fails, so none is left out.
 * @param fails runs a plan, and says whether it shows the violation */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  for (let length = 1; length < plan.steps.length; length += 1) {
    const smaller = { ...plan, steps: plan.steps.slice(0, length) };
    if (await fails(smaller)) return smaller;
  }
  return plan;
}
