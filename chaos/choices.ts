// What the number of a step means for its act: pure, so that a test sees what is drawn without playing it.

/** One of a list; undefined for an empty one only. */
const pick = <const T>(list: readonly [T, ...T[]], choice: number): T => list[choice % list.length] ?? list[0];

/** A length within bounds, in milliseconds. */
export const inMs = (choice: number, least: number, most: number) => least + (choice % (most - least));

/** Status with which the registry refuses every write, or every read. */
export const statusOf = (choice: number) => pick([429, 500, 503, 502], choice);
/** Reads that the registry does not serve: all, or only those of a tag or of a digest. */
export const readsOf = (choice: number) => pick(['all', 'tags', 'digests'], choice >> 2);
export type Reads = ReturnType<typeof readsOf>;

/** How far the clock of a worker jumps, in milliseconds: past a lease, past a probe, past the age of a verdict. */
export const jumpOf = (choice: number) => pick([1, -1], choice) * pick([3_000, 90_000, 3_700_000], choice >> 1);

/** Images that a person moves by hand. */
export const craneOf = (choice: number) => pick(['all', 'all', 'first', 'second'], choice >> 3);

/** Whether `--direct` moves also while Temporal answers. */
export const isForced = (choice: number) => (choice >> 2) % 2 === 0;

/** Tenants that claim the new build and run the old one. */
export const liarsOf = (choice: number) => pick(['one', 'all'], choice >> 3);

/** Time for which a killed server is away, and a frozen one stands still, in milliseconds; the second value of each is met by the next steps. */
export const awayMs = (choice: number) =>
  choice % 3 === 0 ? inMs(choice * 7, 4_000, 12_000) : inMs(choice, 200, 3_000);
export const frozenMs = (choice: number) => inMs(choice * 17, 1_000, 14_000);

/** How a stranger sends junk. */
export const junkOf = (choice: number) => pick(['signals', 'updates', 'queries', 'starts'], choice);

export interface RedWay {
  misbehave: string;
  /** The check of production's watch passes. */
  passesLiveness?: true;
}

/** Ways in which a red build fails its smoke; what it answers is kept in reports. The first one repeats the token too: it is drawn most. */
const RED_WAYS: readonly [RedWay, ...RedWay[]] = [
  { misbehave: 'empty-subsystems,echo-token' },
  { misbehave: 'html-500' },
  { misbehave: 'empty-subsystems,echo-token' },
  { misbehave: 'memory-search', passesLiveness: true },
  { misbehave: 'workspaces-object', passesLiveness: true },
  { misbehave: 'empty-subsystems,echo-token' },
  { misbehave: 'commit-no-id', passesLiveness: true },
  { misbehave: 'events-html', passesLiveness: true },
];
export const redOf = (choice: number): RedWay => pick(RED_WAYS, choice);
