/** What a step does: acts of people, faults of machines, and strangers. `chaos/bed/acts.ts` carries them out. */
export const ACTS = [
  'green',
  'red',
  'push again',
  'older',
  'release again',
  'burst',
  'approval',
  'promote only',
  'approve',
  'abort',
  'retry',
  'pause',
  'resume',
  'adopt',
  'quarantine',
  'roll back',
  'crane',
  'direct',
  'kill a worker',
  'freeze a worker',
  'freeze the writer',
  'kill the server',
  'freeze the server',
  'clock jumps',
  'refuse writes',
  'refuse one image',
  'slow down',
  'cut after the write',
  'accept only',
  'hang',
  'stale reads',
  'refuse reads',
  'cut reads',
  'hang reads',
  'tenant crashes',
  'tenant crash-loops',
  'tenant leaves',
  'tenant fails',
  'tenant answers 503',
  'tenant lies',
  'tenant pretends',
  'production falls silent',
  'production turns red',
  'junk',
  'terminate the lane',
  'forge a lane',
  'start a mover',
  'split the pair',
  'edge answers 502',
  'edge answers 503',
] as const;

export type Act = (typeof ACTS)[number];

export interface Step {
  readonly act: Act;
  /** Number from which the act chooses a build, a tenant, a status or a length. */
  readonly choice: number;
  /** Pause before it, in milliseconds; or until the gate reads for a move, writes `:latest`, a soak is under way, or a run is held. */
  readonly after: number | 'a move' | 'a write' | 'a soak' | 'a hold';
}
