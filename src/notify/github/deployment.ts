import { type DeliveredEvent, movedNothing, partsOfId } from '../../contract/events.js';
import { WORKFLOWS } from '../../contract/ids.js';
import { oneLine, redactedText } from '../../domain/markdown.js';
import { SinkError } from '../sink.js';
import type { GitHub } from './client.js';
import { entriesOf } from './entries.js';

/** Longest description of a status, in characters; GitHub refuses a longer one. */
const MAX_DESCRIPTION = 140;
export const describe = (text: string) => oneLine(text, MAX_DESCRIPTION);

type DeploymentState = 'in_progress' | 'success' | 'failure' | 'error';

/** Where a deployment goes, for GitHub's page. */
export interface Environment {
  name: string;
  url: string | null;
}

interface Deployment {
  id: number;
  payload?: unknown;
}

/** Sets the state of the deployment of a run, which is created if it is not there yet. One that never began has none. */
export async function setDeployment(
  github: GitHub,
  event: DeliveredEvent,
  sha: string,
  { state, environment, url }: { state: DeploymentState; environment: Environment; url: string | undefined },
): Promise<void> {
  const run = partsOfId(event.id)?.runId ?? '';
  const task = event.workflow === WORKFLOWS.rollback ? 'rollback' : 'deploy';
  const found = await find(github, { sha, task, run, environment: environment.name });
  // A run that ended before it moved anything, or that found its build live, deployed nothing.
  if (found === null && (state === 'failure' || state === 'error' || movedNothing(event))) return;
  const id = found ?? (await create(github, { sha, task, run, environment: environment.name }));
  const path = `/deployments/${id}/statuses`;
  const latest = await github.request('GET', `${path}?per_page=1`);
  const [last] = entriesOf<{ state?: string }>('/deployments/…/statuses', latest);
  if (last?.state === state) return;
  await github.request('POST', path, {
    state,
    description: describe('why' in event ? redactedText(event.why) : ''),
    auto_inactive: state === 'success',
    ...(url && { log_url: url }),
    ...(environment.url && { environment_url: environment.url }),
  });
}

interface Wanted {
  sha: string;
  task: string;
  run: string;
  environment: string;
}

async function find(github: GitHub, { sha, task, run, environment }: Wanted): Promise<number | null> {
  const query = new URLSearchParams({ sha, task, environment, per_page: '100' });
  const listed = entriesOf<Deployment>('/deployments', await github.request('GET', `/deployments?${query}`));
  return listed.find(({ payload }) => runIn(payload) === run)?.id ?? null;
}

/** GitHub returns the payload as it was sent, or as its text. */
function runIn(payload: unknown): unknown {
  if (typeof payload !== 'string') return Object(payload).run;
  try {
    return Object(JSON.parse(payload)).run;
  } catch {
    return undefined;
  }
}

async function create(github: GitHub, { sha, task, run, environment }: Wanted): Promise<number> {
  const created = (await github.request('POST', '/deployments', {
    ref: sha,
    task,
    environment,
    // The gate has decided: no merge, and no check to wait for.
    auto_merge: false,
    required_contexts: [],
    production_environment: true,
    payload: { run },
    description: describe(`${task} by the release gate`),
  })) as Partial<Deployment> | null;
  if (created?.id === undefined) throw new SinkError('github: POST /deployments answered no deployment');
  return created.id;
}
