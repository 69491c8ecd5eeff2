import { type DeliveredEvent, movedNothing } from '../../contract/events.js';
import { gateOf, WORKFLOWS } from '../../contract/ids.js';
import { isMove, namesLatest } from '../../domain/events/overtaken.js';
import { redactedText } from '../../domain/markdown.js';
import { type NoticeContext, noticeOf, severityOf, urlOf } from '../notice.js';
import { type Sink, SinkError } from '../sink.js';
import { type GitHubAccess, githubClient } from './client.js';
import { describe, type Environment, setDeployment } from './deployment.js';
import { closeOnGreen, openOrComment } from './issue.js';

/** Context of the commit status. */
const CONTEXT = 'canary-release';
const TAKEN: DeliveredEvent['type'][] = [
  'phase-entered',
  'held',
  'rejected',
  'promoted',
  'rolled-back',
  'superseded',
  'ended',
  'alarm',
];
/** Most shas of which the full form is kept. */
const MAX_SHAS = 1_000;

type CommitState = 'pending' | 'success' | 'failure' | 'error';
const COMMIT_STATES: Partial<Record<DeliveredEvent['type'], CommitState>> = {
  'phase-entered': 'pending',
  promoted: 'success',
  rejected: 'failure',
  superseded: 'error',
  ended: 'error',
};

const commitState = ({ workflow, type }: DeliveredEvent) =>
  workflow === WORKFLOWS.release ? COMMIT_STATES[type] : undefined;

/** GitHub: a commit status of each release, a deployment of each promotion and rollback, and one issue while something is wrong. */
export function githubSink(access: GitHubAccess, environment: Environment, context: NoticeContext): Sink {
  const github = githubClient(access);
  const gate = gateOf(context.lane);
  const shas = new Map<string, string>();
  // Parts of the last event that are done: a retry for another part repeats none, and undoes nothing that a person did since.
  let told = { id: '', parts: new Set<string>() };
  return {
    name: 'github',
    takes: ({ type }) => TAKEN.includes(type),
    deliver: (event, live, later = []) =>
      tellAll(event.id, {
        status: () => tellStatus(event, later),
        deployment: () => tellDeployment(event, later.some(isMove)),
        issue: () => tellIssue(event, live ?? null, later).catch(asNeeded),
      }),
  };

  /** Tells every part of an event, whatever becomes of the others: RED must reach the issue without a right for statuses. A rate limit is
   * waited for first.
   * @throws the failure that a retry may help, before one that needs a right, before one that is final. */
  async function tellAll(id: string, parts: Record<string, () => Promise<void>>): Promise<void> {
    if (told.id !== id) told = { id, parts: new Set() };
    const done = told.parts;
    const failures: unknown[] = [];
    for (const [name, tell] of Object.entries(parts)) {
      if (done.has(name)) continue;
      try {
        await tell();
        done.add(name);
      } catch (error) {
        if (error instanceof SinkError && error.retryAfterMs !== undefined) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures.sort((a, b) => rank(a) - rank(b))[0];
  }

  async function tellStatus(event: DeliveredEvent, later: DeliveredEvent[]): Promise<void> {
    const state = commitState(event);
    if (state === undefined || event.sha === undefined) return;
    // A promotion is told also after the build was released again: its commit has the status of that release.
    if (later.some((one) => one.workflowId === event.workflowId && commitState(one) !== undefined)) return;
    const url = urlOf(event, context);
    await github.request('POST', `/statuses/${await fullSha(event.sha)}`, {
      state,
      context: gate === null ? CONTEXT : `${CONTEXT} (${gate})`,
      description: describe(statusText(event)),
      ...(url && { target_url: url }),
    });
  }

  /** @param isPast whether `:latest` has moved since: another deployment is the current one. */
  async function tellDeployment(event: DeliveredEvent, isPast: boolean): Promise<void> {
    const state = isPast && namesLatest(event) ? null : deploymentState(event);
    if (state === null || event.sha === undefined) return;
    await setDeployment(github, event, await fullSha(event.sha), { state, environment, url: urlOf(event, context) });
  }

  async function tellIssue(event: DeliveredEvent, live: string | null, later: DeliveredEvent[]): Promise<void> {
    const notice = noticeOf(event, context, live);
    if (notice && isTrouble(event) && !later.some(isGreen)) await openOrComment(github, gate, event, notice);
    if (isGreen(event) && !later.some(isTrouble)) await closeOnGreen(github, gate, event);
  }

  async function fullSha(build: string): Promise<string> {
    const known = build.length === 40 ? build : shas.get(build);
    if (known !== undefined) return known;
    const commit = (await github.request('GET', `/commits/${build}`)) as { sha?: string } | null;
    // 404 is also what a token gets that may not read it.
    if (typeof commit?.sha !== 'string')
      throw new SinkError(`github: ${access.repository} has no commit ${build}`, { isDenied: true });
    if (shas.size >= MAX_SHAS) shas.clear();
    shas.set(build, commit.sha);
    return commit.sha;
  }
}

const rank = (error: unknown) => (error instanceof SinkError ? Number(error.isDenied) + 2 * Number(error.isFinal) : 0);

/** Failure of the issue, which people need: also one for want of a right is waited for.
 * @throws {SinkError} */
function asNeeded(error: unknown): never {
  throw error instanceof SinkError && error.isDenied ? new SinkError(error.message) : error;
}

/** Whether the issue is opened, or commented on. */
const isTrouble = (event: DeliveredEvent) =>
  severityOf(event) === 'critical' || event.type === 'held' || isFailed(event);

/** Whether the issue is closed. A release of the live build tested nothing: what was wrong is wrong still. */
const isGreen = (event: DeliveredEvent) => event.type === 'promoted' && !movedNothing(event);

/** Whether a run ended in a way that a person must look at. */
const isFailed = (event: DeliveredEvent) =>
  event.type === 'ended' && event.outcome !== 'CanaryAborted' && event.outcome !== 'skipped';

function deploymentState(event: DeliveredEvent) {
  switch (event.type) {
    case 'phase-entered':
      return event.phase === 'promoting' ? 'in_progress' : null;
    case 'promoted':
    case 'rolled-back':
      return 'success';
    case 'rejected':
    case 'superseded':
    case 'ended':
      return 'failure';
    default:
      return null;
  }
}

/** What the status of a commit says. It may be public. */
function statusText(event: DeliveredEvent): string {
  if (event.type === 'phase-entered') return `${event.phase}: ${redactedText(event.why)}`;
  if ('outcome' in event) return `${event.outcome}: ${redactedText(event.why)}`;
  return event.type;
}
