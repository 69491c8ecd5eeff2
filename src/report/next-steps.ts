import { commandOf } from '../contract/ids.js';
import type { ReportLinks, RunRecord, RunSummary } from './summary.js';

/** A command that a person may run now, and when. */
interface Step {
  when: string;
  command: string;
}

/** Complete commands to fix forward or to go back. */
export function nextSteps(record: RunRecord, { hold, rejected }: RunSummary): Step[] {
  const { sha, outcome, kind, before } = record;
  const release = (when: string, build = sha) => ({ when, command: `release ${build} --wait` });
  const rollbackStep = {
    when: before ? `back to the build that was live before` : 'back to an earlier build (`canary status` lists them)',
    command: `rollback ${before ?? '<sha>'} --reason "…"`,
  };
  const promote = { when: 'on your authority, untested', command: `promote ${sha} --reason "…"` };
  const steps = (): Step[] => {
    if (outcome === 'running')
      return hold ? decisionSteps(sha) : [{ when: 'watch it', command: `status ${sha} --watch` }];
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

const decisionSteps = (sha: string): Step[] => [
  { when: 'what each decision would do now', command: `status ${sha}` },
  { when: 'go on', command: `approve ${sha} --reason "…"` },
  { when: 'try again', command: `retry ${sha} --reason "…"` },
  { when: 'end it', command: `abort ${sha} --reason "…"` },
];

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
