import type { CheckResult } from '../contract/tenants/check.js';
import { oneLine } from '../domain/markdown.js';
import { type RunRecord, summarizeRun } from './summary.js';

/** Limit of failing checks: GitHub shows ten annotations of a kind for a step, and the verdict is one of them. */
const MAX_CHECKS = 9;
const GOOD_OUTCOMES: RunRecord['outcome'][] = ['promoted', 'rolled-back', 'already', 'superseded'];

/** Workflow commands for GitHub's runner: the verdict, and each failing check by tenant, name, status and schema path (I5). */
export function annotations(record: RunRecord): string[] {
  const { outcome, kind, sha } = record;
  if (outcome === 'skipped')
    return [command('notice', 'canary', 'canary-verify: skipped — no canary fleet configured')];
  if (outcome === 'running')
    return [command('notice', 'canary', `the ${kind} of ${sha} is still running: canary status ${sha} --watch`)];
  if (GOOD_OUTCOMES.includes(outcome)) return [command('notice', 'canary', `${outcome}: ${kind} of ${sha}`)];
  const failing = summarizeRun(record).tenants.flatMap(({ tenant, checks }) =>
    checks.filter(({ verdict }) => verdict === 'fail').map((check) => checkLine(tenant, check)),
  );
  return [command('error', 'canary', `${outcome}: ${kind} of ${sha}`), ...failing.slice(0, MAX_CHECKS)];
}

function checkLine(tenant: string, { check, status, schemaPath }: CheckResult): string {
  const answer = status === null ? 'no answer' : `status ${status}`;
  return command('error', `${tenant}: ${check}`, [answer, ...(schemaPath ? [schemaPath] : [])].join(', '));
}

/** Escapes as the toolkit of the runner does, so that a name that another party chose cannot start a command. */
function command(level: 'error' | 'notice', title: string, message: string): string {
  const data = (text: string) => oneLine(text).replaceAll('%', '%25');
  const property = data(title).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return `::${level} title=${property}::${data(message)}`;
}
