import type { LedgerEntry } from '../../contract/lane.js';
import { rounded } from '../../domain/duration.js';
import { movedAny, type RunRecord } from '../summary.js';

/** A figure, and how it is computed: one that people cannot check is not believed. */
export interface Figure {
  name: string;
  value: string;
  how: string;
}

const DAY_MS = 24 * 3_600_000;

/** The figures of DORA and two more, from the runs that Temporal keeps.
 * @param since begin of the period, epoch in ms. */
export function figuresOf(runs: RunRecord[], since: number, now: number): Figure[] {
  const releases = runs.filter(({ kind }) => kind === 'release');
  const promoted = releases.filter((run) => run.outcome === 'promoted' && movedAny(run));
  const rollbacks = runs.filter((run) => run.outcome === 'rolled-back' && movedAny(run));
  const red = releases.filter(({ outcome }) => outcome === 'CanaryRejected');
  const tested = releases.filter((run) => run.report !== null && 'verdict' in run.report && run.report.verdict);
  const waits = releases.map(waitOf).filter((ms) => ms > 0);
  const days = Math.max(1, (now - since) / DAY_MS);
  const period = `the ${rounded(now - since)} shown`;
  return [
    {
      name: 'Deployment frequency',
      value: `${(promoted.length / days).toFixed(1)} a day`,
      how: `${promoted.length} promotions that moved :latest, in ${period}; at least one day`,
    },
    {
      name: 'Lead time, median',
      value: durationOf(median(promoted.map(tookOf))),
      how: 'from the start of a release, which CI starts once it has published, to promoted',
    },
    {
      name: 'Change failure rate',
      value: share(rollbacks.length, promoted.length),
      how: `${rollbacks.length} rollbacks that moved :latest, of ${promoted.length} promotions that did`,
    },
    {
      name: 'Time to restore, median',
      value: durationOf(median(rollbacks.map(tookOf))),
      how: 'from the start of a rollback to its end',
    },
    {
      name: 'Share RED',
      value: share(red.length, tested.length),
      how: `${red.length} releases that canary rejected, of ${tested.length} with a verdict`,
    },
    {
      name: 'Waiting for people',
      value: durationOf(waits.length === 0 ? null : waits.reduce((sum, ms) => sum + ms, 0)),
      how: `all time in holds, of ${waits.length} releases; median ${durationOf(median(waits))}`,
    },
  ];
}

/** Entries of the ledger that moved `:latest` within the period. */
export const movesSince = (history: LedgerEntry[], since: number): LedgerEntry[] =>
  history.filter(({ at, kind }) => kind !== 'adopted' && Date.parse(at) >= since);

const tookOf = ({ started, ended }: RunRecord) => Date.parse(ended ?? started) - Date.parse(started);
/** Time of a release in holds, in milliseconds. */
export const waitOf = ({ report }: RunRecord): number =>
  (report?.phases ?? []).reduce((sum, { hold, ms }) => (hold ? sum + ms : sum), 0);

const durationOf = (ms: number | null) => (ms === null ? 'none' : rounded(ms));
const share = (part: number, all: number) => (all === 0 ? 'none' : `${Math.round((part / all) * 100)} %`);

export function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
