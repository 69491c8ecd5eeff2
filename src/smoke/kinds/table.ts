import type { Check } from '../check.js';
import { type AlertsCheck, alerts } from './alerts.js';
import type { Asking } from './ask.js';
import { type CommandCheck, command } from './command.js';
import { type DriftCheck, drift } from './drift.js';
import type { SecretSource } from './judge.js';
import type { CheckKind } from './kind.js';
import { type PrometheusCheck, prometheus } from './prometheus.js';
import { steps } from './steps.js';

/** A check that asks something else than the tenant. */
export type Judge = PrometheusCheck | AlertsCheck | CommandCheck | DriftCheck;

/** Every kind of check, by the `kind` that a suite writes; a check without one has steps. */
export const KINDS = { steps, prometheus, alerts, command, drift } satisfies Record<string, CheckKind<never>>;

export const isJudge = (check: Check | Judge): check is Judge => 'kind' in check;

/** The secrets that a judge names. */
export const secretsOf = (judge: Judge): SecretSource[] => {
  const { token, headers = {}, env = {} } = judge as Partial<Asking & Pick<CommandCheck, 'env'>>;
  const all = [token, ...Object.values(headers), ...Object.values(env)];
  return all.filter((value): value is SecretSource => typeof value === 'object');
};

/** Kind of a check. */
export const kindOf = (check: Check | Judge): CheckKind<Check | Judge> =>
  (isJudge(check) ? KINDS[check.kind] : KINDS.steps) as CheckKind<Check | Judge>;
