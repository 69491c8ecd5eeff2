import type { LedgerEntry } from '../../src/contract/lane.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import type { RunRecord } from '../../src/report/summary.js';
import { moved, record, rollbackRecord } from './records.js';
import { minute } from './release-page.js';

const HOUR = 60;
const shaOf = (number: number) => parseSha(`${number}`.repeat(7));

/** A release of build `number` from one minute to another. */
function release(number: number, from: number, to: number, report: Partial<ReleaseReport>, by: string): RunRecord {
  const times = { started: minute(from), ended: minute(to) };
  const run = record({ sha: shaOf(number), requestedBy: by, verdict: 'GREEN', ...times, ...report }, times);
  return { ...run, sha: shaOf(number), workflowId: `canary-release-${shaOf(number)}` };
}

/** Three promotions, one of them rolled back, one RED, one that waited for two hours. */
export function days(by = 'ada', reason = 'search is slow'): { runs: RunRecord[]; history: LedgerEntry[] } {
  const held = {
    phase: 'awaiting-approval',
    hold: 'approval',
    since: minute(60 * HOUR),
    until: minute(62 * HOUR),
    ms: 2 * HOUR * 60_000,
    visits: 1,
  } as const;
  const back = { started: minute(30 * HOUR), ended: minute(30 * HOUR + 2) };
  const runs = [
    release(1, 0, 20, {}, by),
    release(2, 24 * HOUR, 24 * HOUR + 30, {}, by),
    { ...rollbackRecord({ sha: shaOf(1), images: moved, ...back }), ...back, sha: shaOf(1) },
    release(3, 40 * HOUR, 40 * HOUR + 15, { outcome: 'CanaryRejected', verdict: 'RED', images: [] }, by),
    release(4, 60 * HOUR, 62 * HOUR + 40, { phases: [held] }, by),
  ];
  const entry = (number: number, at: number, kind: LedgerEntry['kind']): LedgerEntry => ({
    sha: shaOf(number),
    at: minute(at),
    kind,
    by,
    reason,
    images: [],
  });
  const history = [
    entry(1, 20, 'promotion'),
    entry(2, 24 * HOUR + 30, 'promotion'),
    entry(1, 30 * HOUR + 2, 'rollback'),
    entry(4, 62 * HOUR + 40, 'promotion'),
  ];
  return { runs, history };
}

/** Three days after the first of them. */
export const THEN = Date.parse(minute(72 * HOUR));
