import type { TenantBuild } from './build.js';
import type { TenantSmoke } from './check.js';
import type { Interruption, WatchedStretch } from './watched.js';

/** Input of a watch over the canary fleet. */
export interface FleetWatchInput {
  /** Length of the stretch to prove, in milliseconds; null: until the release asks for the proof. */
  soakMs: number | null;
  /** Tenants that a person accepted although they report no build. */
  unreported: string[];
  /** Stretch that this watch continues. */
  stretch: WatchedStretch | null;
}

/** End of a watch: the proof, or what prevents it. */
export type FleetWatchEnd =
  | { watched: WatchedStretch }
  /** The same check failed twice in a row. */
  | { red: TenantSmoke[] }
  | { interrupted: Interruption[]; builds: TenantBuild[] }
  /** No worker watched for longer than a stretch may have gaps, or a clock jumped; a summary. */
  | { unwatched: string };

/** What a watch saw last, for `status`. */
export interface FleetSeen {
  builds: TenantBuild[];
  /** Start of the stretch, ISO 8601; null while a tenant is not on the build. */
  from: string | null;
}
