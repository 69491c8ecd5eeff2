import type { Answer, Check, CheckRequest, Credentials, Step } from './check.js';
import type { AlertsCheck } from './kinds/alerts.js';
import type { CommandCheck } from './kinds/command.js';
import type { DriftCheck } from './kinds/drift.js';
import type { PrometheusCheck } from './kinds/prometheus.js';
import { isJudge, type Judge } from './kinds/table.js';

/** Checks of a suite that a watch may send to a tenant every few seconds, once each: they write nothing, stand alone and count. */
export const repeatable = (suite: Suite): Check[] =>
  suite.flatMap((check) => {
    if (isJudge(check) || check.observe || check.writes || check.needs !== undefined) return [];
    const { failures: _failures, holds: _holds, ...once } = check;
    return [once];
  });

/** Checks of a watch over the canary fleet. A wrong token, presented every few seconds, would look like an attack. */
export const watchable = (suite: Suite): Check[] =>
  repeatable(suite).filter(({ steps }) => steps.every(({ request }) => request.as !== 'wrong'));

/** Every request that a check may send to the tenant. */
export const requestsOf = (check: Check | Judge): CheckRequest[] =>
  isJudge(check) ? [] : [...check.steps.map(({ request }) => request), ...(check.cleanUp ?? [])];

/** Checks in order. Suites compose: `[...defaultSuite, mine]`. */
export type Suite = readonly (Check | Judge)[];

export const get = (path: string, as: Credentials = 'admin'): CheckRequest => ({ method: 'GET', path, as });
export const del = (path: string, as: Credentials = 'admin'): CheckRequest => ({ method: 'DELETE', path, as });
export const post = (path: string, json: unknown, as: Credentials = 'admin'): CheckRequest => ({
  method: 'POST',
  path,
  json,
  as,
});

export const answers = (status: number, json?: Answer['json']): Answer => ({ status, ...(json && { json }) });

export const step = (request: CheckRequest, answer: Answer, capture?: Step['capture']): Step => ({
  request,
  answer,
  ...(capture && { capture }),
});

/** Creates a check of one request. */
export const check = (
  name: string,
  proves: string,
  request: CheckRequest,
  answer: Answer,
  more: Partial<Omit<Check, 'name' | 'proves' | 'steps'>> & { capture?: Step['capture'] } = {},
): Check => {
  const { capture, ...rest } = more;
  return { name, proves, steps: [step(request, answer, capture)], ...rest };
};

/** Creates a check of a Prometheus query over the window of the soak. */
export const prometheus = (
  name: string,
  proves: string,
  rest: Omit<PrometheusCheck, 'kind' | 'name' | 'proves'>,
): PrometheusCheck => ({ kind: 'prometheus', name, proves, ...rest });

type WithoutNames<C> = C extends unknown ? Omit<C, 'kind' | 'name' | 'proves'> : never;

/** Creates a check that passes while no alert fires. */
export const alerts = (name: string, proves: string, rest: WithoutNames<AlertsCheck>): AlertsCheck => ({
  kind: 'alerts',
  name,
  proves,
  ...rest,
});

/** Creates a check by a program of your own: exit 0 is green, 1 is red, any other could not be tested. */
export const command = (
  name: string,
  proves: string,
  rest: Omit<CommandCheck, 'kind' | 'name' | 'proves'>,
): CommandCheck => ({ kind: 'command', name, proves, ...rest });

/** Compares declared fields of the tenant with production. It informs; with `observe: false` it counts. */
export const drift = (
  name: string,
  proves: string,
  rest: Omit<DriftCheck, 'kind' | 'name' | 'proves' | 'observe'> & { observe?: boolean },
): DriftCheck => ({ kind: 'drift', name, proves, observe: true, ...rest });

/** The checks of a suite that compare configurations. */
export const driftChecks = (suite: Suite): DriftCheck[] =>
  suite.filter((check): check is DriftCheck => isJudge(check) && check.kind === 'drift');
