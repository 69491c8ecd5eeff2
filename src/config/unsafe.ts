import { formatDuration } from '../domain/duration.js';
import { type Settings, variableOf } from './schema.js';

/** Least values, in milliseconds: below them a watch sees too little to prove anything, asks its tenants too often, or a hold expires before a person can decide. */
export const LEAST = {
  soakMs: 60_000,
  updateCycleMs: 10_000,
  soakProbeMs: 1_000,
  pollMs: 1_000,
  bakeMs: 60_000,
  holdTimeoutMs: 600_000,
} as const;

type Durations = Pick<Settings, keyof typeof LEAST>;

/** Each setting that is below its least value, and that value; `CANARY_UNSAFE=true` accepts them. */
export function unsafeSettings(settings: Durations): string[] {
  const names = Object.keys(LEAST) as (keyof typeof LEAST)[];
  return names
    .filter((name) => settings[name] < LEAST[name])
    .map(
      (name) =>
        `${variableOf(name)}: ${formatDuration(settings[name])} is unsafe: at least ${formatDuration(LEAST[name])}`,
    );
}
