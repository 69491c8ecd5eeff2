import { ALARMS, type DeliveredEvent, movedNothing, partsOfId } from '../contract/events.js';
import { commandOf, gateOf, type Lane } from '../contract/ids.js';
import { oneLine, redactedText } from '../domain/markdown.js';
import { compareUrl } from '../report/compare.js';
import { holdSteps, type Step, uiUrl } from '../report/next-steps.js';

/** How much an event matters to people, the least first. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Longest title, in characters: what a phone shows of a notification. */
const MAX_TITLE = 80;

/** Event as people are told of it, in plain text. A chat and an issue may be public: no address of a tenant is in it (invariant I5). */
export interface Notice {
  severity: Severity;
  title: string;
  why: string;
  /** Expiry, for people; null if it has none. */
  until: string | null;
  /** Commands that a person may run now, and what each is for. */
  steps: Step[];
  /** Page of the run in the Temporal UI. */
  url: string | undefined;
  /** Page that compares the live build with this one. */
  compare: string | undefined;
}

/** What a notice needs besides its event. */
export interface NoticeContext {
  lane: Lane;
  namespace: string;
  ui: string | undefined;
  /** Repository of the commits, `owner/name`. */
  repository: string | null;
}

/** How an event matters; null for one that people are not told of. */
export function severityOf(event: Pick<DeliveredEvent, 'type'> & { outcome?: string }): Severity | null {
  switch (event.type) {
    case 'rejected':
    case 'alarm':
      return 'critical';
    case 'held':
    case 'reminder':
    case 'rolled-back':
      return 'warning';
    case 'promoted':
      return 'info';
    case 'ended':
      return event.outcome === 'CanaryAborted' || event.outcome === 'skipped' ? 'info' : 'warning';
    default:
      return null;
  }
}

/** Whether a person is asked to go on with a build. */
const isAsked = ({ type }: DeliveredEvent) => type === 'held' || type === 'reminder';

/** Time for people, to the minute. */
const minute = (iso: string) => `${iso.slice(0, 16).replace('T', ' ')} UTC`;

/** Notice of an event; null for one that people are not told of. */
export function noticeOf(
  event: DeliveredEvent,
  { lane, namespace, ui, repository }: NoticeContext,
  live: string | null = null,
): Notice | null {
  const severity = severityOf(event);
  if (severity === null) return null;
  const { sha } = event;
  const gate = gateOf(lane) ?? lane;
  const build = sha?.slice(0, 7) ?? '<sha>';
  const { title, why, until = null, steps } = describe(event, build, (text) => commandOf(lane, text));
  return {
    severity,
    title: oneLine(`${gate === '' ? '' : `[${gate}] `}${title}`, MAX_TITLE),
    why: oneLine(redactedText(why)),
    until: until === null ? null : minute(until),
    steps,
    url: urlOf(event, { namespace, ui }),
    compare: isAsked(event) && sha !== undefined ? compareUrl({ repository }, live, sha) : undefined,
  };
}

/** Page of the run of an event in the Temporal UI; undefined without a UI. */
export function urlOf({ id, workflowId }: DeliveredEvent, { namespace, ui }: Pick<NoticeContext, 'namespace' | 'ui'>) {
  const runId = partsOfId(id)?.runId;
  return runId && uiUrl({ namespace, workflowId, runId }, { ui });
}

type Described = { title: string; why: string; until?: string | null; steps: Notice['steps'] };

function describe(event: DeliveredEvent, build: string, command: (text: string) => string): Described {
  const step = (when: string, text: string) => ({ when, command: command(text) });
  switch (event.type) {
    case 'held':
    case 'reminder': {
      const { hold, until, why } = event;
      const by = until === null ? '' : `, decide by ${minute(until)}`;
      const title = `${event.type === 'held' ? 'HELD' : 'STILL HELD'} ${build}: ${hold}${by}`;
      return { title, why, until, steps: holdSteps(event, build).map(({ when, command: text }) => step(when, text)) };
    }
    case 'rejected':
      return {
        title: `RED ${build}: rejected by canary, :latest did not move`,
        why: event.why,
        steps: [
          step('which check, and what it got', `status ${build}`),
          step('fix forward: merge the fix, and release that build', 'release <sha of the fix> --wait'),
        ],
      };
    case 'promoted':
      if (movedNothing(event)) return { title: `ALREADY LIVE ${build}: nothing moved`, why: event.why, steps: [] };
      return {
        title: `PROMOTED ${build}: :latest of its images is on it`,
        why: event.why,
        steps: [step('to go back (`canary status` lists the builds)', 'rollback <sha> --reason "…"')],
      };
    case 'rolled-back':
      return {
        title: movedNothing(event)
          ? `ALREADY BACK on ${build}: nothing moved, promotions wait for a person`
          : `ROLLED BACK to ${build}: promotions wait for a person`,
        why: event.why,
        steps: [
          step('the facts for the post-mortem', `postmortem ${build}`),
          step('fix forward, when the fix is published', 'release <sha of the fix>'),
        ],
      };
    case 'alarm':
      return {
        title: `ALARM ${event.alarm}${event.sha ? ` ${build}` : ''}: ${ALARMS[event.alarm] ?? ''}`,
        why: event.why,
        steps: [step('what is where, and what to do', 'status'), step('what is wrong with the gate', 'doctor')],
      };
    default: {
      const { outcome = '', why = '' } = event as { outcome?: string; why?: string };
      return { title: `ENDED ${build}: ${outcome}`, why, steps: [step('what happened', `status ${build}`)] };
    }
  }
}
