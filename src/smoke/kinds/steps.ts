import * as z from 'zod';
import type { Check, CheckRequest, Step, Values } from '../check.js';
import { type Evaluation, evaluateError, evaluateResponse } from '../evaluate.js';
import type { Session } from '../session.js';
import { namesIn, strictValues } from '../values.js';
import { type Attempt, type CheckKind, type TryValues, text, unknownKeys } from './kind.js';

const NAME = /^[A-Za-z][A-Za-z0-9]*$/;
const CREDENTIALS = 'must be admin, none, wrong or { captured: name }';
const SCHEMA = 'must be a zod schema, or a function that returns one';

const isSchema = (value: unknown) => typeof (value as { safeParse?: unknown } | null)?.safeParse === 'function';

const REQUEST = z.strictObject(
  {
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], 'must be GET, POST, PUT, PATCH or DELETE'),
    // A URL reads `//host` and `/\host` as another host.
    path: z
      .string('must be a path, e.g. /events')
      .regex(
        /^\/(?![/\\])[\x21-\x7e]*$/,
        'must be a path, e.g. /events: exactly one slash first, no spaces, only ASCII',
      ),
    json: z.custom((value) => z.json().safeParse(value).success, 'must be JSON').optional(),
    as: z.union([z.enum(['admin', 'none', 'wrong']), z.strictObject({ captured: z.string() })], CREDENTIALS),
  },
  unknownKeys('must be a request, e.g. get("/events")'),
);

const STEP = z.strictObject(
  {
    request: REQUEST,
    answer: z.strictObject(
      {
        status: z
          .int('must be a status, e.g. 200')
          .min(100, 'must be a status, e.g. 200')
          .max(599, 'must be a status, e.g. 200'),
        type: text('a content type, e.g. application/json').optional(),
        json: z.custom((value) => isSchema(value) || typeof value === 'function', SCHEMA).optional(),
      },
      unknownKeys('must be an answer, e.g. answers(200)'),
    ),
    capture: z
      .record(
        z.string().regex(NAME, 'names must start with a letter, and have only letters and digits'),
        text('a dotted path, e.g. user.id'),
        'must be names and dotted paths',
      )
      .optional(),
  },
  unknownKeys('must be a step, e.g. step(get("/events"), answers(200))'),
);

/** HTTP requests to the tenant, in order, each with its expected answer. */
export const steps: CheckKind<Check> = {
  fields: {
    steps: z.array(STEP, 'must be an array of steps').min(1, 'must not be empty'),
    writes: z.boolean('must be true or false').optional(),
    needs: text('the name of an earlier check').optional(),
    cleanUp: z.array(REQUEST, 'must be an array of requests').optional(),
  },
  problems: referenceProblems,
  run,
};

/** Names that are used but not defined. */
function referenceProblems(check: Check, knownAtStart: readonly string[]): string[] {
  const problems: string[] = [];
  if (check.cleanUp?.length && !check.writes)
    problems.push('has cleanUp, so it leaves something behind: set writes: true');
  const known = new Set(knownAtStart);
  check.steps.forEach(({ request, answer, capture }, at) => {
    for (const name of unknownIn(request, known))
      problems.push(`steps[${at}] uses {${name}}, which no earlier step captures`);
    if (typeof answer.json === 'function')
      for (const problem of dryRun(answer.json, known)) problems.push(`steps[${at}].answer.json ${problem}`);
    for (const name of Object.keys(capture ?? {})) known.add(name);
    if (capture && 'probe' in capture) problems.push(`steps[${at}] captures probe, which is a reserved name`);
  });
  check.cleanUp?.forEach((request, at) => {
    for (const name of unknownIn(request, known))
      problems.push(`cleanUp[${at}] uses {${name}}, which no step captures`);
  });
  return problems;
}

function unknownIn({ path, json, as }: CheckRequest, known: ReadonlySet<string>): string[] {
  const used = [...namesIn([path, json]), ...(typeof as === 'object' ? [as.captured] : [])];
  return [...new Set(used)].filter((name) => !known.has(name));
}

/** Calls a schema function once with placeholders, so that a mistake is found now and not in the middle of a release. */
function dryRun(make: (values: Values) => z.ZodType, known: ReadonlySet<string>): string[] {
  const values = { probe: '', ...Object.fromEntries([...known].map((name) => [name, `a-${name}`])) };
  try {
    return isSchema(make(strictValues(values))) ? [] : ['does not return a zod schema'];
  } catch (error) {
    return [`throws: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Runs the steps in order, up to the first that does not pass. Adds what they capture to `values`. */
async function run(session: Session, check: Check, values: TryValues, signal: AbortSignal): Promise<Attempt> {
  const started = performance.now();
  let status: number | null = null;
  let evaluation: Evaluation = { verdict: 'pass', expected: '', got: '' };
  for (const step of check.steps) {
    ({ status, evaluation } = await runStep(session, step, values, signal));
    for (const [name, value] of Object.entries(evaluation.captured ?? {})) {
      values[name] = value;
      session.addCaptured(name, value);
    }
    if (evaluation.verdict === 'pass') continue;
    if (check.steps.length > 1) evaluation.expected = `${requestText(step.request)}: ${evaluation.expected}`;
    break;
  }
  return { evaluation, status, latencyMs: Math.round(performance.now() - started) };
}

async function runStep(
  session: Session,
  step: Step,
  values: Values,
  signal: AbortSignal,
): Promise<Pick<Attempt, 'status' | 'evaluation'>> {
  try {
    const response = await session.send(step.request, values, signal);
    return { status: response.status, evaluation: await evaluateResponse(step, response, values) };
  } catch (error) {
    signal.throwIfAborted();
    return { status: null, evaluation: evaluateError(error) };
  }
}

export const requestText = ({ method, path }: CheckRequest) => `${method} ${path}`;
