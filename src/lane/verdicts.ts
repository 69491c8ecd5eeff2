import type { LaneState, Ledger } from '../contract/lane.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import type { BuildVerdict } from '../contract/tenants/check.js';
import { fieldsOf, isoOf, isSha, textOf } from '../domain/payloads/fields.js';
import { describeRejection, rejectionOf } from './ledger.js';
import { brief, newest, VERDICTS_BYTES } from './limits.js';
import { MAX_BUILDS } from './state.js';

/** Most failed checks of a verdict that the ledger keeps; a count follows. */
const MAX_FAILED = 5;

/** Verdict in the report of a run, which may be anything; null if it has none. */
export function verdictOfReport(report: unknown, runId: string): BuildVerdict | null {
  const { sha, verdict, tenants, ended } = fieldsOf(report);
  const at = isoOf(ended);
  if ((verdict !== 'GREEN' && verdict !== 'RED') || !isSha(sha) || at === null) return null;
  const failed = (Array.isArray(tenants) ? tenants : []).flatMap(failedChecks);
  const more = failed.length - MAX_FAILED;
  const lines = [...failed.slice(0, MAX_FAILED).map(brief), ...(more > 0 ? [`and ${more} more`] : [])];
  return { sha: sha as Sha, verdict, failed: verdict === 'RED' ? lines : [], runId, at };
}

function failedChecks(smoke: unknown): string[] {
  const { tenant, checks } = fieldsOf(smoke);
  if (!Array.isArray(checks)) return [];
  const failed = checks.map(fieldsOf).filter(({ verdict }) => verdict === 'fail');
  return failed.map(({ check }) => `${textOf(tenant)}: ${textOf(check)}`);
}

/** Records the verdict of a run that has ended; it replaces an earlier one of the build. */
export function noteVerdict({ ledger }: Pick<LaneState, 'ledger'>, verdict: BuildVerdict): void {
  const earlier = ledger.verdicts.find(({ sha }) => sameBuild(sha, verdict.sha));
  if (earlier && earlier.at >= verdict.at) return;
  const all = [...ledger.verdicts.filter((one) => one !== earlier), verdict];
  // RED ones are forgotten last: they keep a build from being promoted.
  const [green, red] = (['GREEN', 'RED'] as const).map((kind) => all.filter((one) => one.verdict === kind));
  ledger.verdicts = newest([...(green ?? []), ...(red ?? [])], MAX_BUILDS, VERDICTS_BYTES);
}

/** Rejection of the live build by a run that ended after it went live, on one line; null without one. */
export function liveRejection(ledger: Ledger): string | null {
  const live = ledger.history.at(-1);
  const rejection = live?.sha ? rejectionOf(ledger, live.sha) : undefined;
  if (!live || !rejection || rejection.at <= live.at) return null;
  return `${live.sha} is live, and was ${describeRejection(rejection)} (fix: canary rollback --reason …)`;
}
