import { HOLDS, type HoldName, holdRow, PAUSED } from '../contract/hold.js';
import { commandOf } from '../contract/ids.js';
import type { ReportLinks, RunRecord, RunSummary } from './summary.js';

/** A command that a person may run now, and when. */
export interface Step {
  when: string;
  command: string;
}

/** Complete commands to fix forward or to go back. */
export function nextSteps(record: RunRecord, { hold, rejected }: RunSummary): Step[] {
  const { sha, outcome, kind, before, status } = record;
  const release = (when: string, build = sha) => ({ when, command: `release ${build} --wait` });
  const rollbackStep = {
    when: before ? `back to the build that was live before` : 'back to an earlier build (`canary status` lists them)',
    command: `rollback ${before ?? '<sha>'} --reason "…"`,
  };
  const promote = { when: 'on your authority, untested', command: `promote ${sha} --reason "…"` };
  const steps = (): Step[] => {
    if (outcome === 'running')
      return hold
        ? [
            { when: 'what each decision would do now', command: `status ${sha}` },
            ...holdSteps({ hold, holdId: status?.hold?.id ?? null }, sha),
          ]
        : [{ when: 'watch it', command: `status ${sha} --watch` }];
    if (outcome === 'superseded') return [];
    if (outcome === 'promoted') return [rollbackStep];
    if (outcome === 'rolled-back' || outcome === 'already')
      return [
        ...(outcome === 'already' ? [] : [{ when: 'the facts for the post-mortem', command: `postmortem ${sha}` }]),
        release('fix forward, when the fix is published', '<sha of the fix>'),
      ];
    if (outcome === 'skipped') return [promote];
    if (kind === 'rollback')
      return [{ when: 'once the cause is fixed', command: `rollback ${sha} --reason "…"` }, directRollbackStep(sha)];
    if (outcome === 'PairSplit' || outcome === 'MoveFailed')
      return [rollbackStep, { when: 'or forward, all images to this build', command: promote.command }];
    if (outcome === 'CanaryRejected' || outcome === 'CanaryBuildBad')
      return [
        release('fix forward: merge the fix, and release that build', '<sha of the fix>'),
        release('if the canaries were at fault and not the build, test it again'),
        ...(rejected
          ? [{ when: 'on your authority, rejected by canary', command: `promote ${sha} --force --reason "…"` }]
          : []),
      ];
    return [release('once the cause is fixed')];
  };
  return steps().map(({ when, command }) => ({ when, command: commandOf(record.lane, command) }));
}

const isHold = (name: string): name is HoldName => Object.hasOwn(HOLDS, name);

/** Commands of the decisions that apply to a hold, for the current one without its id. A pause has no decision but abort. */
export function holdSteps({ hold, holdId }: { hold: string; holdId: string | null }, build: string): Step[] {
  const { approve = null, retry = null } = isHold(hold) ? holdRow(hold) : {};
  const which = holdId === null ? '' : ` --hold ${holdId}`;
  const decide = (verb: string, when: string | null) =>
    when === null ? [] : [{ when, command: `${verb} ${build}${which} --reason "…"` }];
  return [
    ...(hold === PAUSED ? [{ when: 'go on', command: 'resume --reason "…"' }] : []),
    ...decide('approve', approve),
    ...decide('retry', retry),
    { when: 'end it, without promoting', command: `abort ${build} --reason "…"` },
  ];
}

const directRollbackStep = (sha: string): Step => ({
  when: 'if Temporal is down',
  command: `rollback ${sha} --direct --reason "…"`,
});

/** URL of a run in the Temporal UI; undefined if no UI is configured. */
export function uiUrl(
  { namespace, workflowId, runId }: Pick<RunRecord, 'namespace' | 'workflowId' | 'runId'>,
  { ui }: Pick<ReportLinks, 'ui'>,
): string | undefined {
  const path = [namespace, 'workflows', workflowId, runId].map(encodeURIComponent).join('/');
  return ui && `${ui.replace(/\/+$/, '')}/namespaces/${path}`;
}
