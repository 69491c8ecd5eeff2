import { z } from 'zod';
import { shown } from '../contract/brand.js';
import type { Check, CheckRequest, Suite, Values } from './suite.js';
import { namesIn, strictValues } from './values.js';

const text = (what: string) =>
  z
    .string({ error: `must be ${what}` })
    .trim()
    .min(1, `must be ${what}`);
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

const CHECK = z.strictObject(
  {
    name: text('a non-empty string').regex(/^\P{C}{0,120}$/u, 'must be one line of at most 120 characters'),
    proves: text('a non-empty string: what a pass proves'),
    steps: z.array(STEP, 'must be an array of steps').min(1, 'must not be empty'),
    writes: z.boolean('must be true or false').optional(),
    needs: text('the name of an earlier check').optional(),
    cleanUp: z.array(REQUEST, 'must be an array of requests').optional(),
  },
  unknownKeys('must be a check, e.g. check("events answer", "…", get("/events"), answers(200))'),
);

function unknownKeys(otherwise: string) {
  return {
    error: (issue: { code?: string | undefined; keys?: string[] }) =>
      issue.code === 'unrecognized_keys' ? `has ${issue.keys?.map(shown).join(', ')}, which is not known` : otherwise,
  };
}

/** Every problem of a suite, one line each; empty if the suite is valid. */
export function suiteProblems(suite: unknown): string[] {
  if (!Array.isArray(suite)) return [`its default export must be an array of checks, got ${shown(suite)}`];
  if (suite.length === 0) return ['the suite is empty: it would pass every build'];
  const problems = suite.flatMap((check, index) => shapeProblems(check, index));
  return problems.length > 0 ? problems : (suite as Suite).flatMap((_check, index) => referenceProblems(suite, index));
}

const label = (check: unknown, index: number) => {
  const name = (check as { name?: unknown } | null)?.name;
  return `check ${index + 1}${typeof name === 'string' ? ` ${shown(name)}` : ''}`;
};

function shapeProblems(check: unknown, index: number): string[] {
  const { error } = CHECK.safeParse(check);
  return (error?.issues ?? []).map(({ path, message }) => {
    const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    return `${label(check, index)}: ${where ? `${where.slice(1)} ` : ''}${message}`;
  });
}

/** Problems beyond the shape of one check: names that are used but not defined. */
function referenceProblems(suite: Suite, index: number): string[] {
  const check = suite[index] as Check;
  const problems: string[] = [];
  const add = (problem: string) => problems.push(`${label(check, index)}: ${problem}`);
  const earlier = suite.slice(0, index);
  if (earlier.some(({ name }) => name === check.name)) add('another check has the same name');
  if (check.needs !== undefined && !earlier.some(({ name }) => name === check.needs))
    add(`needs ${shown(check.needs)}, but no earlier check has that name`);
  if (check.cleanUp?.length && !check.writes) add('has cleanUp, so it leaves something behind: set writes: true');

  const known = new Set(knownBefore(suite, check));
  check.steps.forEach(({ request, answer, capture }, at) => {
    for (const name of unknownIn(request, known)) add(`steps[${at}] uses {${name}}, which no earlier step captures`);
    if (typeof answer.json === 'function')
      for (const problem of dryRun(answer.json, known)) add(`steps[${at}].answer.json ${problem}`);
    for (const name of Object.keys(capture ?? {})) known.add(name);
    if (capture && 'probe' in capture) add(`steps[${at}] captures probe, which is a reserved name`);
  });
  check.cleanUp?.forEach((request, at) => {
    for (const name of unknownIn(request, known)) add(`cleanUp[${at}] uses {${name}}, which no step captures`);
  });
  return problems;
}

/** Names that a check may use at its start: `probe`, and what the checks that it needs capture. */
function knownBefore(suite: Suite, check: Check): string[] {
  const needed = suite.slice(0, suite.indexOf(check)).find(({ name }) => name === check.needs);
  if (!needed) return ['probe'];
  return [...knownBefore(suite, needed), ...needed.steps.flatMap(({ capture }) => Object.keys(capture ?? {}))];
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
