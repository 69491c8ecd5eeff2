import * as z from 'zod';
import { parseDuration, rounded } from '../../domain/duration.js';
import type { Evaluation } from '../evaluate.js';
import { fillJson } from '../values.js';
import { ASKING, type Asking, askingProblems, askJson, readAnswer } from './ask.js';
import {
  type JudgeContext,
  type JudgeOptions,
  judgeValues,
  NoJudgement,
  unknownNames,
  type Window,
  withoutJudgement,
} from './judge.js';
import { type CheckKind, DURATION, unknownKeys } from './kind.js';

/** What each sample must be. */
export interface Condition {
  atMost?: number;
  atLeast?: number;
}

/** A query over the window of the soak: every sample must meet the condition. */
export interface PrometheusCheck extends JudgeOptions, Asking {
  kind: 'prometheus';
  /** PromQL of exactly one series, with `{tenant}`, `{host}` or `{url}`. */
  query: string;
  /** With `compare`, a multiple of production: `{ atMost: 1.2 }`. */
  is: Condition;
  /** Samples at least; half of those that the window has room for if left out. */
  samples?: number;
  /** Time between two samples; `15s` if left out. */
  step?: string;
  /** Production at the same time: its query, and how far beyond the multiple a sample may be. */
  compare?: { production: string; slack?: number };
}

const DEFAULT_STEP = '15s';
/** Most samples of a window: a longer one has longer steps. */
const MAX_SAMPLES = 1_000;

const QUERY = z.string('must be PromQL').trim().min(1, 'must be PromQL').max(4_000, 'has at most 4000 characters');
const NUMBER = z.number('must be a number');

export const prometheus: CheckKind<PrometheusCheck> = {
  looksBack: true,
  fields: {
    kind: z.literal('prometheus'),
    ...ASKING,
    query: QUERY,
    is: z
      .strictObject(
        { atMost: NUMBER.optional(), atLeast: NUMBER.optional() },
        unknownKeys('must be e.g. { atMost: 1 }'),
      )
      .refine(({ atMost, atLeast }) => atMost !== undefined || atLeast !== undefined, 'needs atMost, atLeast or both'),
    samples: z.int('must be a number of samples').min(1, 'must be at least 1').max(MAX_SAMPLES).optional(),
    step: DURATION.refine((text) => parseDuration(text) >= 1_000, 'must be at least 1s').optional(),
    compare: z
      .strictObject(
        { production: QUERY, slack: NUMBER.min(0, 'must not be negative').optional() },
        unknownKeys('must be e.g. { production: "…" }'),
      )
      .optional(),
  },
  problems: (check) => [
    ...askingProblems(check),
    ...unknownNames([check.url, check.query, check.compare?.production]).map(
      (name) => `uses {${name}}, which no judge knows`,
    ),
  ],
  async run({ judge }, check, { probe }, signal) {
    const started = performance.now();
    const judged = await judgeWindow(judge, check, probe, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return withoutJudgement(error);
    });
    return { ...judged, latencyMs: Math.round(performance.now() - started) };
  },
};

async function judgeWindow(
  context: JudgeContext,
  check: PrometheusCheck,
  probe: string,
  signal: AbortSignal,
): Promise<{ evaluation: Evaluation; status: number | null }> {
  const window = requireWindow(context, check);
  const stepMs = Math.max(
    parseDuration(check.step ?? DEFAULT_STEP),
    Math.ceil((window.until - window.from) / MAX_SAMPLES),
  );
  const ask = (query: string) => readSeries(context, check, { query, window, stepMs }, probe, signal);
  const canary = await ask(check.query);
  const production = check.compare ? await ask(check.compare.production) : null;
  // Beside an infinite sample of production, any of canary would do.
  const times = [...canary.keys()].filter((at) => production === null || Number.isFinite(production.get(at)));
  const room = Math.floor((window.until - window.from) / stepMs) + 1;
  const least = check.samples ?? Math.max(1, Math.ceil(room / 2));
  const what = production === null ? 'samples' : 'samples of canary and production at the same time';
  if (times.length < least) throw new NoJudgement(`at least ${least} ${what}`, `${times.length}`, 200, 0);
  const samples = times.map((at) => ({ at, value: canary.get(at) as number, production: production?.get(at) ?? null }));
  return { evaluation: evaluate(check, samples), status: 200 };
}

/** @throws {NoJudgement} without a window, or with one that is too short. */
function requireWindow({ window }: JudgeContext, { holds }: PrometheusCheck): Window {
  if (window === null) throw new NoJudgement('a soak to look back on', 'the build did not soak');
  const least = holds === undefined ? 0 : parseDuration(holds);
  const length = window.until - window.from;
  if (!(length > 0 && length >= least))
    throw new NoJudgement(`a window of at least ${rounded(least)}`, rounded(Math.max(0, length)));
  return window;
}

const ANSWER = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) }),
    ),
  }),
  // A part of the data is missing, as of a store that did not answer.
  warnings: z.array(z.string()).max(0, 'a complete answer, but it has warnings').optional(),
});

/** The samples of one series by their time, epoch in milliseconds; one that is not a number is left out.
 * @throws {NoJudgement} */
async function readSeries(
  context: JudgeContext,
  check: PrometheusCheck,
  { query, window: { from, until }, stepMs }: { query: string; window: Window; stepMs: number },
  probe: string,
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const filled = fillJson(query, escaped(judgeValues(context, probe))) as string;
  const search = new URLSearchParams({
    query: filled,
    start: (from / 1_000).toFixed(3),
    end: (until / 1_000).toFixed(3),
    step: (stepMs / 1_000).toFixed(3),
  });
  const { json, status } = await askJson(context, check, `/api/v1/query_range?${search}`, probe, signal);
  const { result } = readAnswer(ANSWER, json, status).data;
  if (result.length !== 1)
    throw new NoJudgement(
      'one series',
      result.length === 0 ? 'no data' : `${result.length} series (aggregate them)`,
      status,
      0,
    );
  const samples = new Map<number, number>();
  for (const [seconds, text] of result[0]?.values ?? []) {
    const at = Math.round(seconds * 1_000);
    // A second allows for the rounding of a server.
    if (!(at >= from - 1_000 && at <= until + 1_000)) throw new NoJudgement('samples of the window', 'others', status);
    if (samples.has(at)) throw new NoJudgement('one sample at a time', 'two', status);
    const value = numberOf(text);
    if (value === null) throw new NoJudgement('samples that are numbers', text, status);
    if (!Number.isNaN(value)) samples.set(at, value);
  }
  return samples;
}

/** Names as the texts of a PromQL label have them. */
const escaped = <V extends Record<string, string>>(values: V) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value.replace(/["'\\\n]/g, (sign) => `\\${sign}`)]),
  ) as V;

const SPECIAL: Record<string, number> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  Inf: Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

/** Value of a sample as Prometheus writes it; null for anything else. */
function numberOf(text: string): number | null {
  if (Object.hasOwn(SPECIAL, text)) return SPECIAL[text] as number;
  return /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

interface Sample {
  at: number;
  value: number;
  production: number | null;
}

function evaluate({ is, compare }: PrometheusCheck, samples: Sample[]): Evaluation {
  const bad = samples.filter((sample) => !meets(sample, is, compare?.slack ?? 0));
  const values = samples.map(({ value }) => value);
  const others = samples.flatMap(({ production }) => production ?? []);
  const measured = `${range(values)}${others.length > 0 ? `, production ${range(others)}` : ''}, ${samples.length} samples`;
  if (bad.length === 0) return { verdict: 'pass', expected: '', got: '', measured };
  const [{ at, value, production }] = bad as [Sample];
  const beside = production === null ? '' : ` beside ${shown(production)} in production`;
  return {
    verdict: 'fail',
    expected: `${describe(is)}${compare ? ' times production' : ''}`,
    got: `${shown(value)}${beside} at ${new Date(at).toISOString()}, and ${bad.length} of ${samples.length} samples in all`,
    measured,
  };
}

/** Whether a sample is within the condition. A comparison with what is not a number does not hold. */
function meets({ value, production }: Sample, { atMost, atLeast }: Condition, slack: number): boolean {
  const of = (limit: number) => (production === null ? limit : limit * production);
  return (
    (atMost === undefined || value <= of(atMost) + slack) && (atLeast === undefined || value >= of(atLeast) - slack)
  );
}

const describe = ({ atMost, atLeast }: Condition) =>
  [
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
  ].join(', ');

const shown = (value: number) => String(Number(value.toPrecision(4)));

function range(values: number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(shown);
  return least === most ? `${least}` : `${least} to ${most}`;
}
