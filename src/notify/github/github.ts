import type { DeliveredEvent } from '../../contract/events.js';
import { gateOf, WORKFLOWS } from '../../contract/ids.js';
import { isMove } from '../../domain/events/overtaken.js';
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

/** GitHub: a commit status of each release, a deployment of each promotion and rollback, and one issue while something is wrong. */
export function githubSink(access: GitHubAccess, environment: Environment, context: NoticeContext): Sink {
  const github = githubClient(access);
  const gate = gateOf(context.lane);
  const shas = new Map<string, string>();
  return {
    name: 'github',
    takes: ({ type }) => TAKEN.includes(type),
    async deliver(event, live, later = []) {
      const notice = noticeOf(event, context, live);
      if (event.sha !== undefined) await tellCommit(event, event.sha, urlOf(event, context), later.some(isMove));
      if (notice && isTrouble(event) && !later.some(isGreen)) await openOrComment(github, gate, event, notice);
      if (isGreen(event) && !later.some(isTrouble)) await closeOnGreen(github, gate, event);
    },
  };

  /** @param isPast whether `:latest` has moved since: another deployment is the current one. */
  async function tellCommit(event: DeliveredEvent, build: string, url: string | undefined, isPast: boolean) {
    const isRelease = event.workflow === WORKFLOWS.release;
    const state = isRelease ? COMMIT_STATES[event.type] : undefined;
    const deployed = isPast && isMove(event) ? null : deploymentState(event);
    if (state === undefined && deployed === null) return;
    const sha = await fullSha(build);
    if (state !== undefined)
      await github.request('POST', `/statuses/${sha}`, {
        state,
        context: gate === null ? CONTEXT : `${CONTEXT} (${gate})`,
        description: describe(statusText(event)),
        ...(url && { target_url: url }),
      });
    if (deployed !== null) await setDeployment(github, event, sha, { state: deployed, environment, url });
  }

  async function fullSha(build: string): Promise<string> {
    const known = build.length === 40 ? build : shas.get(build);
    if (known !== undefined) return known;
    const commit = (await github.request('GET', `/commits/${build}`)) as { sha?: string } | null;
    if (typeof commit?.sha !== 'string') throw new SinkError(`github: ${access.repository} has no commit ${build}`);
    if (shas.size >= MAX_SHAS) shas.clear();
    shas.set(build, commit.sha);
    return commit.sha;
  }
}

/** Whether the issue is opened, or commented on. */
const isTrouble = (event: DeliveredEvent) =>
  severityOf(event) === 'critical' || event.type === 'held' || isFailed(event);

/** Whether the issue is closed. */
const isGreen = ({ type }: DeliveredEvent) => type === 'promoted';

/** Whether a run ended in a way that a person must look at. */
const isFailed = (event: DeliveredEvent) =>
  event.type === 'ended' && event.outcome !== 'CanaryAborted' && event.outcome !== 'skipped';

function deploymentState(event: DeliveredEvent) {
  switch (event.type) {
    case 'phase-entered':
      return event.phase === 'promoting' ? 'in_progress' : null;
    case 'promoted':
    case 'rolled-back':
      return event.type === 'rolled-back' && event.outcome === 'already' ? null : 'success';
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
