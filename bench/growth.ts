/** What grows with something, at most: `fixed + each × count`. */
export interface Growth {
  what: string;
  /** What is counted. */
  each: 'tenant' | 'build';
  fixed: number;
  perEach: number;
}

/** Bounds of what Temporal keeps. A history ends at 51,200 events and 50 MiB, and warns at a fifth of that. */
export const GROWTH = {
  /** Three for the smoke of a tenant, and a share of the workflow tasks. */
  events: { what: 'events of a release', each: 'tenant', fixed: 70, perEach: 4.4 },
  historyKib: { what: 'KiB of its history', each: 'tenant', fixed: 25, perEach: 3.2 },
  laneEvents: { what: 'events of the lane', each: 'build', fixed: 50, perEach: 11 },
} satisfies Record<string, Growth>;

export const atMost = ({ fixed, perEach }: Growth, count: number): number => fixed + perEach * count;

/** `events of a release: at most 70 + 4.4 × tenants` */
export const formula = ({ what, each, fixed, perEach }: Growth): string =>
  `${what}: at most ${fixed} + ${perEach} × ${each}s`;

/** What grew by more than its formula. One is enough for exit code 1. */
export function excess(growth: Growth, measured: readonly { count: number; value: number }[]): string[] {
  return measured
    .filter(({ count, value }) => value > atMost(growth, count))
    .map(
      ({ count, value }) =>
        `${growth.what}: ${value} with ${count} ${growth.each}s, at most ${atMost(growth, count).toFixed(0)}`,
    );
}

/** Prints what is in excess, and fails the bench. */
export function requireWithin(exceeded: string[]): void {
  for (const line of exceeded) console.error(line);
  if (exceeded.length > 0) process.exitCode = 1;
}
