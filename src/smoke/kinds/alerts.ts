import * as z from 'zod';
import type { Evaluation } from '../evaluate.js';
import { fillJson } from '../values.js';
import { ASKING, type Asking, askingProblems, askJson, readAnswer } from './ask.js';
import {
  type JudgeContext,
  type JudgeOptions,
  judgeValues,
  NoJudgement,
  unknownNames,
  withoutJudgement,
} from './judge.js';
import type { CheckKind } from './kind.js';

/** Alerts of an Alertmanager: red if one that matches fires. */
interface OfAlertmanager {
  from: 'alertmanager';
  /** Matchers as Alertmanager writes them, `severity="critical"`. */
  filter: readonly string[];
  /** Name of an alert that always fires: it proves that alerts arrive at all. */
  watchdog: string;
}

/** A monitor of Datadog: green if it is `OK`. */
interface OfDatadog {
  from: 'datadog';
  monitor: number;
}

/** Any endpoint that answers with JSON. */
interface OfJson {
  from: 'json';
  /** Answer with nothing that fires. */
  quiet: z.ZodType;
  /** Answer with something that fires; what is neither could not be tested. */
  firing: z.ZodType;
}

/** Whether alerts fire now. */
export type AlertsCheck = JudgeOptions & Asking & { kind: 'alerts' } & (OfAlertmanager | OfDatadog | OfJson);

const SCHEMA = z.custom<z.ZodType>(
  (value) => typeof (value as { safeParse?: unknown } | null)?.safeParse === 'function',
  'must be a zod schema',
);

/** Fields that each source has. */
const FIELDS_OF = {
  alertmanager: ['filter', 'watchdog'],
  datadog: ['monitor'],
  json: ['quiet', 'firing'],
} as const;
const ALL_FIELDS = Object.values(FIELDS_OF).flat();

const MAX_MATCHERS = 20;

export const alerts: CheckKind<AlertsCheck> = {
  fields: {
    kind: z.literal('alerts'),
    ...ASKING,
    from: z.enum(['alertmanager', 'datadog', 'json'], 'must be alertmanager, datadog or json'),
    filter: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*(?:=|!=|=~|!~)"[^\n]*"$/, 'must be a matcher, e.g. severity="critical"'),
        'must be an array of matchers',
      )
      .max(MAX_MATCHERS)
      .optional(),
    watchdog: z
      .string('must be the name of an alert that always fires')
      .regex(/^[A-Za-z0-9_.: -]{1,200}$/, 'must be the name of an alert that always fires')
      .optional(),
    monitor: z.int('must be the number of a monitor').min(1, 'must be the number of a monitor').optional(),
    quiet: SCHEMA.optional(),
    firing: SCHEMA.optional(),
  },
  problems(check) {
    const own: readonly string[] = FIELDS_OF[check.from];
    const has = (name: string) => (check as unknown as Record<string, unknown>)[name] !== undefined;
    return [
      ...own.filter((name) => !has(name)).map((name) => `from ${check.from} needs ${name}`),
      ...ALL_FIELDS.filter((name) => has(name) && !own.includes(name)).map(
        (name) => `from ${check.from} has no ${name}`,
      ),
      ...askingProblems(check, check.from === 'json'),
      ...unknownNames([check.url, 'filter' in check ? check.filter : []]).map(
        (name) => `uses {${name}}, which no judge knows`,
      ),
    ];
  },
  async run({ judge }, check, { probe }, signal) {
    const started = performance.now();
    const judged = await judgeAlerts(judge, check, probe, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return withoutJudgement(error);
    });
    return { ...judged, latencyMs: Math.round(performance.now() - started) };
  },
};

async function judgeAlerts(
  context: JudgeContext,
  check: AlertsCheck,
  probe: string,
  signal: AbortSignal,
): Promise<{ evaluation: Evaluation; status: number | null }> {
  const ask = (path: string) => askJson(context, check, path, probe, signal);
  if (check.from === 'json') {
    const { json, status } = await ask('');
    return { evaluation: evaluateJson(check, json, status), status };
  }
  if (check.from === 'datadog') {
    const { json, status } = await ask(`/api/v1/monitor/${check.monitor}`);
    const monitor = readAnswer(MONITOR, json, status);
    if (monitor.id !== check.monitor)
      throw new NoJudgement(`monitor ${check.monitor}`, `monitor ${monitor.id}`, status);
    return { evaluation: evaluateMonitor(monitor, status), status };
  }
  const list = async (matchers: string[]) => {
    const { json, status } = await ask(`/api/v2/alerts?${alertQuery(matchers)}`);
    return { status, list: readAnswer(ALERTS, json, status) };
  };
  const dog = await list([`alertname="${check.watchdog}"`]);
  if (!dog.list.some(({ labels }) => labels.alertname === check.watchdog))
    throw new NoJudgement(`the alert ${check.watchdog} firing, as always`, 'no data: it does not', dog.status, 0);
  const matchers = fillJson(check.filter, judgeValues(context, probe)) as string[];
  const found = await list(matchers);
  const firing = found.list.filter(({ labels }) => labels.alertname !== check.watchdog);
  return {
    evaluation: quietUnless(firing.map(({ labels }) => labels.alertname ?? 'an alert without a name')),
    status: found.status,
  };
}

/** An alert that another one inhibits fires as well; one that a person silenced does not count. */
function alertQuery(matchers: string[]): string {
  const search = new URLSearchParams({ active: 'true', inhibited: 'true', unprocessed: 'true', silenced: 'false' });
  for (const matcher of matchers) search.append('filter', matcher);
  return search.toString();
}

const ALERTS = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    status: z.object({ state: z.enum(['active', 'suppressed', 'unprocessed']) }),
  }),
);

/** Most alerts that a result names. */
const MAX_NAMED = 5;

function quietUnless(firing: string[]): Evaluation {
  const measured = `${firing.length} firing`;
  if (firing.length === 0) return { verdict: 'pass', expected: '', got: '', measured };
  const names = [...new Set(firing)];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const got = `${firing.length} firing: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
  return { verdict: 'fail', expected: 'no alert', got, measured };
}

const MONITOR = z.object({ id: z.number(), name: z.string(), overall_state: z.string() });
/** States of a monitor whose condition is met. Any other but `OK`, as `No Data`, says nothing. */
const FIRING_STATES = ['Alert', 'Warn'];

function evaluateMonitor({ name, overall_state: state }: z.output<typeof MONITOR>, status: number): Evaluation {
  if (state === 'OK') return { verdict: 'pass', expected: '', got: '', measured: state };
  if (!FIRING_STATES.includes(state)) throw new NoJudgement('the monitor in state OK', `${state} (${name})`, status, 0);
  return { verdict: 'fail', expected: 'the monitor in state OK', got: `${state} (${name})`, measured: state };
}

function evaluateJson({ quiet, firing }: OfJson, json: unknown, status: number): Evaluation {
  // An answer that is both fires.
  if (firing.safeParse(json).success)
    return { verdict: 'fail', expected: 'nothing that fires', got: JSON.stringify(json) ?? '', measured: 'firing' };
  if (quiet.safeParse(json).success) return { verdict: 'pass', expected: '', got: '', measured: 'quiet' };
  throw new NoJudgement('an answer of the schema quiet or firing', JSON.stringify(json) ?? '', status, 0);
}
