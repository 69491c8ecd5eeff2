import type { DeliveredEvent } from '../../contract/events.js';
import { code, link, prose } from '../../domain/markdown.js';
import type { Notice } from '../notice.js';
import type { GitHub } from './client.js';
import { entriesOf } from './entries.js';

// The words of the pipeline that the gate replaced: people have filters and runbooks for them.
const TITLE = '🔴 Canary failing: staging SaaS smoke';
const LABELS = ['canary-staging', 'bug'];

interface Listed {
  number: number;
  title: string;
  body?: string | null;
  pull_request?: unknown;
}

/** Title of the one issue of a gate. */
export const issueTitle = (gate: string | null) => (gate === null ? TITLE : `${TITLE} (${gate})`);

/** Opens the issue of a gate, or comments on it if it is open. */
export async function openOrComment(github: GitHub, gate: string | null, event: DeliveredEvent, notice: Notice) {
  const open = await findOpen(github, gate);
  const details = detailsOf(notice, event);
  if (open === null)
    await github.request('POST', '/issues', {
      title: issueTitle(gate),
      labels: LABELS,
      body: `${headOf(event)}\n\n${details}`,
    });
  else if (!open.body?.includes(markOf(event)))
    await comment(github, open, event, `${headOf(event, 'still ')} ${notice.url ?? ''}`.trim(), details);
}

/** First line of an event: the title says that the canary fails, and a hold, an alarm or a fault is something else. */
function headOf(event: DeliveredEvent, again = ''): string {
  switch (event.type) {
    case 'held':
      return `Waits for a person: ${event.hold}.`;
    case 'alarm':
      return `Alarm: ${event.alarm}.`;
    case 'ended':
      return `Ended: ${event.outcome}.`;
    default:
      return `Canary ${again}failing.`;
  }
}

/** Closes the issue of a gate, if it is open. */
export async function closeOnGreen(github: GitHub, gate: string | null, event: DeliveredEvent) {
  const open = await findOpen(github, gate);
  if (open === null) return;
  await comment(github, open, event, `Canary recovered at ${event.at}. Closing.`, markOf(event));
  await github.request('PATCH', `/issues/${open.number}`, { state: 'closed', state_reason: 'completed' });
}

/** Most pages of open issues that are searched. */
const MAX_PAGES = 10;
const PAGE = 100;

async function findOpen(github: GitHub, gate: string | null): Promise<Listed | null> {
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const path = `/issues?state=open&labels=${LABELS[0]}&sort=created&direction=asc&per_page=${PAGE}&page=${page}`;
    const listed = entriesOf<Listed>('/issues', await github.request('GET', path));
    const found = listed.find((one) => one.title === issueTitle(gate) && !one.pull_request);
    if (found) return found;
    if (listed.length < PAGE) break;
  }
  return null;
}

async function comment(github: GitHub, { number }: Listed, event: DeliveredEvent, first: string, more: string) {
  const since = new Date(Date.parse(event.at)).toISOString();
  const path = `/issues/${number}/comments?since=${since}&per_page=${PAGE}`;
  const comments = entriesOf<{ body?: string }>('/issues/…/comments', await github.request('GET', path));
  if (comments.some(({ body }) => body?.includes(markOf(event)))) return;
  await github.request('POST', `/issues/${number}/comments`, { body: `${first}\n\n${more}` });
}

/** Shows that an event is there already: a worker may die after it wrote. */
const markOf = ({ id }: DeliveredEvent) => `<!-- canary-release: ${id} -->`;

const detailsOf = ({ title, why, until, steps, url, compare }: Notice, event: DeliveredEvent) =>
  [
    `**${prose(title)}**`,
    ...(why === '' ? [] : [prose(why)]),
    ...(until === null ? [] : [`Expires at ${until}, without promoting.`]),
    steps.map(({ when, command }) => `- ${prose(when)}: ${code(command)}`).join('\n'),
    [...link('Run in Temporal', url), ...link('What changes', compare)].join(' · '),
    markOf(event),
  ].join('\n\n');
