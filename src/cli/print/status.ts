import { shortIdentity } from '../../config/hash.js';
import { parseRunId, type WrongClock } from '../../contract/ids.js';
import type { LedgerEntry } from '../../contract/lane.js';
import type { ReleaseStatus, RollbackNotes } from '../../contract/release.js';
import { whyUnreported } from '../../contract/tenants/build.js';
import type { TenantSmoke } from '../../contract/tenants/check.js';
import { rounded } from '../../domain/duration.js';
import { describeInterruption, describeLostProof, describeStretch } from '../../domain/fleet-watch.js';
import { oneLine } from '../../domain/markdown.js';
import { describeSkew } from '../../temporal/faults/wrong-clock.js';
import { LANE_UNAVAILABLE } from '../../temporal/lane-client.js';
import { isUnavailable, type LaneNow } from '../../temporal/lane-view.js';
import type { LiveBuild, Overview } from '../../temporal/overview.js';
import { ago, alertLines, holderLines, troubleLines } from './lane.js';
import { describeObserved } from './smoke.js';

/** Ended runs shown on the one screen. */
const MAX_ENDED = 5;

/** One screen, worst first: alarm, missing workers, what stops the lane, what is held for people, what is running, what is live.
 * @param configured images of this machine; null if its environment names none. */
export function overviewLines(
  { lane, alarm, workers, running, live, back, ended, troubles, unlisted, unseen, clocks }: Overview,
  now: number,
  configured: readonly string[] | null = null,
): string[] {
  const absent = workers.filter(({ identities, unasked }) => identities.length === 0 && unasked === undefined);
  const laneView = isUnavailable(lane) ? null : lane;
  const isStopped = (id: string) => troubles.some(({ workflowId }) => workflowId === id);
  const isQueued = (id: string) => laneView?.queue.some(({ workflowId }) => workflowId === id);
  const waiting = running.filter(({ waitingFor }) => waitingFor !== null);
  const active = running.filter(({ waitingFor, workflowId }) => waitingFor === null && !isQueued(workflowId));
  return [
    ...(alarm ? [`ALARM    ${alarm.workflowId} ${alarm.outcome}: ${alarm.why}`] : []),
    ...redLines(live),
    ...unlistedLines(unlisted),
    ...(unseen ? [`RUNS     ${oneLine(unseen.what)}`] : []),
    ...workers.flatMap(({ queue, unasked }) =>
      unasked === undefined ? [] : [`WORKERS  of ${queue} are not known: ${oneLine(unasked)}`],
    ),
    ...absent.map(({ queue }) => `WORKERS  NONE poll ${queue}: nothing moves until one does (canary worker)`),
    ...clockLines(clocks),
    // A lane without a worker cannot answer: the line above says so.
    ...(isUnavailable(lane) && !(lane === 'silent' && absent.length > 0) ? [`LANE     ${LANE_UNAVAILABLE[lane]}`] : []),
    ...troubles.flatMap(troubleLines),
    ...(laneView ? alertLines(laneView, now) : []),
    ...waiting.flatMap((run) => runLines('HELD', run, now, isStopped(run.workflowId))),
    ...active.flatMap((run) => runLines('running', run, now, isStopped(run.workflowId))),
    ...(laneView ? laneLines(laneView) : []),
    ...(laneView ? holderLines(laneView, now) : []),
    ...liveLines(live, back, now),
    ...(laneView?.live && configured ? lackingLines(laneView.live, configured) : []),
    ...workers
      .filter(({ identities }) => identities.length > 0)
      .map(({ queue, identities }) => `workers  ${queue}: ${identities.map(shortIdentity).join(', ')}`),
    ...ended
      .slice(0, MAX_ENDED)
      .map(({ workflowId, outcome, closed }) => `ended    ${ago(closed, now)} ago  ${workflowId}  ${outcome}`),
  ];
}

/** Workers with a wrong clock. */
export const clockLines = (clocks: WrongClock[]): string[] =>
  clocks.map(
    ({ worker, aheadMs }) =>
      `CLOCK    of ${oneLine(shortIdentity(worker))} is ${describeSkew(aheadMs)}: synchronize its machine (NTP)`,
  );

/** What a screen without a list of runs does not show. */
export const unlistedLines = (unlisted: string | null): string[] =>
  unlisted === null ? [] : [`RUNS     cannot be listed: ${oneLine(unlisted)}; only what the lanes know is shown`];

/** Production is red: what is wrong, and the command to go back. */
const redLines = (live: LiveBuild | null) =>
  live?.productionBack
    ? [`ALARM    production is red: ${oneLine(live.production ?? '')}`, `         ${live.productionBack}`]
    : [];

function laneLines({ hold, pause, newestSequence }: LaneNow): string[] {
  const parts = [
    ...(hold || pause ? [] : ['automatic ON']),
    ...(newestSequence > 0 ? [`newest sequence ${newestSequence}`] : []),
  ];
  return parts.length > 0 ? [`lane     ${parts.join(', ')}`] : [];
}

function runLines(
  title: string,
  { workflowId, sha, phase, waitingFor, state, waitsFor = [] }: Overview['running'][number],
  now: number,
  isStopped: boolean,
) {
  const head = `${title.padEnd(8)} ${workflowId} ${state?.phase ?? phase ?? 'not begun'}`;
  const waits = waitsFor.map((one) => `         waits for ${one}`);
  if (state === null) {
    // What stops it is told above: a worker would not help.
    const silence = isStopped ? '' : ' (no worker answers)';
    return [`${head}${waitingFor ? `, waits for ${waitingFor}` : ''}${silence}`, ...waits];
  }
  const commands = state.hold ? decisionLines(workflowId, sha ?? state.sha, state) : [];
  return [
    `${head}${remainingText(state, now)}: ${state.why}`,
    ...commands.map((line) => `         ${line}`),
    ...noteLines(state, '         '),
    ...waits,
  ];
}

/** What a rollback goes on in spite of. */
export const noteLines = (
  { laneUnavailable, warnings = [], notMoved = [] }: RollbackNotes,
  indent = '  ',
): string[] => [
  ...(laneUnavailable
    ? [`${indent}lane-unavailable: the lane did not answer; it learns of the rollback when it is back`]
    : []),
  ...warnings.map((warning) => `${indent}warning: ${oneLine(warning)}`),
  ...notMoved.map((repository) => `${indent}not moved: ${repository}, which this gate never moved to that build`),
];

/** The command of each decision that applies now, and what it does. */
function decisionLines(workflowId: string, sha: string, { commands }: ReleaseStatus): string[] {
  const which = parseRunId(workflowId).isRollback ? ' --rollback' : '';
  return (['approve', 'retry', 'abort'] as const)
    .filter((verb) => commands?.[verb].isAllowed)
    .map((verb) => `canary ${verb} ${sha}${which} --reason …   ${commands?.[verb].text}`);
}

/** Enough of a digest to compare it; JSON and reports have the whole of it. */
const shortDigest = (digest: string) => digest.slice(0, 'sha256:'.length + 12);

function liveLines(live: LiveBuild | null, back: string | null, now: number): string[] {
  if (live === null) return ['live     unknown: no move is in the ledger or among the kept runs'];
  const who = live.by ? `, by ${oneLine(live.by)}` : '';
  return [
    `live     ${live.sha ?? 'unknown build'} for ${ago(live.since, now)}: ${live.how}${who}`,
    ...live.images.map(
      ({ repository, digest }) => `         ${repository} ${digest === null ? 'nothing' : shortDigest(digest)}`,
    ),
    ...(live.production ? [`         production: ${oneLine(live.production)}`] : []),
    ...(back ? [`         back: canary rollback ${back} --reason …`] : []),
  ];
}

/** Images of the live build that the configuration of this machine lacks. */
const lackingLines = ({ images }: LedgerEntry, configured: readonly string[]) =>
  images
    .filter(({ repository }) => !configured.includes(repository))
    .map(({ repository }) => `         CANARY_IMAGES lacks ${repository}: a rollback would leave it on this build`);

/** One run by its own status, with the command of each decision that applies. */
export function runStatusLines(workflowId: string, state: ReleaseStatus, now: number): string[] {
  return [
    `${workflowId} ${state.phase} for ${ago(state.since, now)}${remainingText(state, now)}: ${state.why}`,
    ...state.images.map(({ repository, digest }) => `  ${repository} ${shortDigest(digest)}`),
    ...(state.hold ? [`  hold ${state.hold.id}, until ${state.hold.until}`] : []),
    ...noteLines(state),
    ...decisionLines(workflowId, state.sha, state).map((line) => `  ${line}`),
    ...state.builds.map((one) => `  ${one.tenant} runs ${one.build ?? `an unknown build (${whyUnreported(one)})`}`),
    ...state.tenants.flatMap(smokeLines),
    ...(state.watched ? [`  ${describeStretch(state.watched)}`] : []),
    ...(state.fleetNotes ?? []).map((note) => `  fleet: ${note}`),
    ...(state.lostProof ? [`  ${describeLostProof(state.lostProof)}`] : []),
    ...(state.interruptions ?? []).map((one) => `  interrupted: ${describeInterruption(one)}`),
    ...state.decisions.map(({ verb, by, at, reason }) => `  ${at} ${verb} by ${by}: ${reason}`),
    ...state.refusals.map((refusal) => `  ${refusal}`),
  ];
}

/** Passed checks are counted, the others are named. */
function smokeLines({ tenant, checks, observed = [] }: TenantSmoke): string[] {
  const others = checks.filter(({ verdict }) => verdict !== 'pass');
  return [
    `  ${tenant} passed ${checks.length - others.length} of ${checks.length} checks`,
    ...openCheckLines([{ tenant, checks: others }]),
    ...checks.flatMap(({ check, measured }) => (measured ? [`  ${tenant} measured: ${check}: ${measured}`] : [])),
    ...observed.map((one) => `  ${tenant} observed only: ${describeObserved(one)}`),
  ];
}

/** Checks that did not pass, each with its expected and its actual answer. */
export const openCheckLines = (tenants: TenantSmoke[]): string[] =>
  tenants.flatMap(({ tenant, checks }) =>
    checks
      .filter(({ verdict }) => verdict !== 'pass')
      .flatMap(({ check, verdict, expected, got }) => [
        `  ${tenant} ${verdict}: ${check}`,
        `    expected ${oneLine(expected)}`,
        `    got      ${oneLine(got)}`,
      ]),
  );

function remainingText({ until }: ReleaseStatus, now: number): string {
  if (until === null) return '';
  const ms = Date.parse(until) - now;
  return ms > 0 ? `, ${rounded(ms)} left` : ', overdue';
}
