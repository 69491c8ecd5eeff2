import type { TenantSmoke } from '../contract/check.js';
import type { ReleaseStatus } from '../contract/release.js';
import { rounded } from '../domain/duration.js';
import { oneLine } from '../domain/markdown.js';
import { LANE_UNAVAILABLE } from '../temporal/lane-client.js';
import { isUnavailable } from '../temporal/lane-view.js';
import type { LiveBuild, Overview } from '../temporal/overview.js';
import { ago, alertLines, holderLines } from './lane-lines.js';

/** Ended runs that the one-screen answer shows. */
const MAX_ENDED = 5;

/** One screen, worst first: alarms, missing workers, what holds the lane, what waits for people, what is under way, what is live. */
export function overviewLines({ lane, alarm, workers, running, live, back, ended }: Overview, now: number): string[] {
  const absent = workers.filter(({ identities }) => identities.length === 0);
  const laneView = isUnavailable(lane) ? null : lane;
  const isQueued = (id: string) => laneView?.queue.some(({ workflowId }) => workflowId === id);
  const waiting = running.filter(({ waitingFor }) => waitingFor !== null);
  const active = running.filter(({ waitingFor, workflowId }) => waitingFor === null && !isQueued(workflowId));
  return [
    ...(alarm ? [`ALARM    ${alarm.workflowId} ${alarm.outcome}: ${alarm.why}`] : []),
    ...absent.map(({ queue }) => `WORKERS  NONE poll ${queue}: nothing moves until one does (canary worker)`),
    // Without a worker it cannot answer.
    ...(isUnavailable(lane) && !(lane === 'silent' && absent.length > 0) ? [`LANE     ${LANE_UNAVAILABLE[lane]}`] : []),
    ...(laneView ? alertLines(laneView, now) : []),
    ...waiting.flatMap((run) => runLines('HELD', run, now)),
    ...active.flatMap((run) => runLines('running', run, now)),
    ...(laneView && !laneView.hold && !laneView.pause ? ['lane     automatic ON'] : []),
    ...(laneView ? holderLines(laneView, now) : []),
    ...liveLines(live, back, now),
    ...workers
      .filter(({ identities }) => identities.length > 0)
      .map(({ queue, identities }) => `workers  ${queue}: ${identities.join(', ')}`),
    ...ended
      .slice(0, MAX_ENDED)
      .map(({ workflowId, outcome, closed }) => `ended    ${ago(closed, now)} ago  ${workflowId}  ${outcome}`),
  ];
}

function runLines(
  title: string,
  { workflowId, sha, phase, waitingFor, state }: Overview['running'][number],
  now: number,
) {
  const head = `${title.padEnd(8)} ${workflowId} ${state?.phase ?? phase ?? 'not begun'}`;
  if (state === null) return [`${head}${waitingFor ? `, waits for ${waitingFor}` : ''} (no worker answers for it)`];
  const decisionLines = state.hold
    ? (['approve', 'retry', 'abort'] as const)
        .filter((verb) => state.verbs?.[verb].isAllowed)
        .map((verb) => `         canary ${verb} ${sha} --reason …   ${state.verbs?.[verb].text}`)
    : [];
  return [`${head}${remainingText(state, now)}: ${state.why}`, ...decisionLines];
}

function liveLines(live: LiveBuild | null, back: string | null, now: number): string[] {
  if (live === null) return ['live     unknown: neither the ledger nor a run that is left has moved :latest'];
  const who = live.by ? `, by ${oneLine(live.by)}` : '';
  return [
    `live     ${live.sha ?? 'a build that nobody named'} for ${ago(live.since, now)}: ${live.how}${who}`,
    ...live.images.map(({ repository, digest }) => `         ${repository} ${digest ?? 'nothing'}`),
    ...(live.production ? [`         production: ${oneLine(live.production)}`] : []),
    ...(back ? [`         back: canary rollback ${back} --reason …`] : []),
  ];
}

/** One run, as it tells itself. */
export function runStatusLines(workflowId: string, state: ReleaseStatus, now: number): string[] {
  const decisionLines = Object.entries(state.verbs ?? {}).map(
    ([verb, { isAllowed, text }]) => `  ${verb}: ${isAllowed ? '' : 'refused: '}${text}`,
  );
  return [
    `${workflowId} ${state.phase} for ${ago(state.since, now)}${remainingText(state, now)}: ${state.why}`,
    ...state.images.map(({ repository, digest }) => `  ${repository} ${digest}`),
    ...(state.hold ? [`  hold ${state.hold.id}, until ${state.hold.until}`] : []),
    ...decisionLines,
    ...state.builds.map(({ tenant, build, why }) => `  ${tenant} runs ${build ?? `an unknown build (${why})`}`),
    ...state.tenants.flatMap(smokeLines),
    ...state.decisions.map(({ verb, by, at, reason }) => `  ${at} ${by} said ${verb}: ${reason}`),
    ...state.refusals.map((refusal) => `  ${refusal}`),
  ];
}

/** What passed is a number, so that what did not is seen. */
function smokeLines({ tenant, checks }: TenantSmoke): string[] {
  const others = checks.filter(({ verdict }) => verdict !== 'pass');
  return [
    `  ${tenant} passed ${checks.length - others.length} of ${checks.length} checks`,
    ...others.map(({ check, verdict }) => `  ${tenant} ${verdict}: ${check}`),
  ];
}

function remainingText({ until }: ReleaseStatus, now: number): string {
  if (until === null) return '';
  const ms = Date.parse(until) - now;
  return ms > 0 ? `, ${rounded(ms)} left` : ', overdue';
}
