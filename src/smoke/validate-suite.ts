import * as z from 'zod';
import { shown } from '../contract/brand.js';
import { type CheckKind, DURATION, text, unknownKeys } from './kinds/kind.js';
import { isJudge, KINDS, kindOf } from './kinds/table.js';
import type { Suite } from './suite.js';

const OTHERWISE = 'must be a check, e.g. check("events answer", "…", get("/events"), answers(200))';

/** Fields of every check. */
const COMMON = {
  name: text('a non-empty string').regex(/^\P{C}{0,120}$/u, 'must be one line of at most 120 characters'),
  proves: text('a non-empty string: what a pass proves'),
  observe: z.boolean('must be true or false').optional(),
  retries: z.int('must be a whole number').min(0, 'must not be negative').max(20, 'must be at most 20').optional(),
  failures: z.int('must be a whole number').min(1, 'must be at least 1').max(10, 'must be at most 10').optional(),
  holds: DURATION.optional(),
  every: DURATION.optional(),
};

const schemaOf = ({ fields }: CheckKind<never>, more: z.ZodRawShape) =>
  z.strictObject({ ...COMMON, ...more, ...fields }, unknownKeys(OTHERWISE));
const AFTER = { after: z.boolean('must be true or false').optional() };
const SCHEMAS: Record<string, z.ZodType> = Object.fromEntries(
  Object.entries(KINDS).map(([name, kind]) => [name, schemaOf(kind, name === 'steps' ? {} : AFTER)]),
);
const JUDGES = Object.keys(KINDS).filter((name) => name !== 'steps');

/** The schema of a check by its `kind`; null for an unknown kind. */
function schemaFor(check: unknown): z.ZodType | null {
  if (typeof check !== 'object' || check === null || !('kind' in check)) return SCHEMAS.steps ?? null;
  const { kind } = check;
  return typeof kind === 'string' && JUDGES.includes(kind) ? (SCHEMAS[kind] ?? null) : null;
}

/** Every problem of a suite, one line each; empty if the suite is valid. */
export function suiteProblems(suite: unknown): string[] {
  if (!Array.isArray(suite)) return [`its default export must be an array of checks, got ${shown(suite)}`];
  if (suite.length === 0) return ['the suite is empty: it would pass every build'];
  const problems = suite.flatMap((check, index) => shapeProblems(check, index));
  if (problems.length > 0) return problems;
  if ((suite as Suite).every(({ observe }) => observe)) return ['the suite only observes: it would pass every build'];
  return (suite as Suite).flatMap((_check, index) => referenceProblems(suite, index));
}

const label = (check: unknown, index: number) => {
  const name = (check as { name?: unknown } | null)?.name;
  return `check ${index + 1}${typeof name === 'string' ? ` ${shown(name)}` : ''}`;
};

function shapeProblems(check: unknown, index: number): string[] {
  const schema = schemaFor(check);
  if (schema === null) return [`${label(check, index)}: kind must be ${JUDGES.join(', ')}, or left out`];
  const { error } = schema.safeParse(check);
  return (error?.issues ?? []).map(({ path, message }) => {
    const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    return `${label(check, index)}: ${where ? `${where.slice(1)} ` : ''}${message}`;
  });
}

/** Problems beyond the shape of one check: names that are used but not defined. */
function referenceProblems(suite: Suite, index: number): string[] {
  const check = suite[index] as Suite[number];
  const problems: string[] = [];
  const add = (problem: string) => problems.push(`${label(check, index)}: ${problem}`);
  const earlier = suite.slice(0, index);
  if (earlier.some(({ name }) => name === check.name)) add('another check has the same name');
  if (!isJudge(check)) {
    const needed = earlier.find((one) => !isJudge(one) && one.name === check.needs);
    if (check.needs !== undefined && !needed) add(`needs ${shown(check.needs)}, but no earlier check has that name`);
    if (needed?.observe && !check.observe)
      add(`needs ${shown(needed.name)}, which only observes: what counts runs first`);
    if (check.holds !== undefined && check.writes) add('has holds, so it is repeated: it must not write');
  }
  if (isJudge(check) && check.after && check.observe) add('has after, which counts, and observe, which does not');
  for (const problem of kindOf(check).problems(check, knownBefore(suite, check))) add(problem);
  return problems;
}

/** Names that a check may use at its start: `probe`, and what the checks that it needs capture. */
function knownBefore(suite: Suite, check: Suite[number]): string[] {
  const needs = isJudge(check) ? undefined : check.needs;
  const needed = suite.slice(0, suite.indexOf(check)).find(({ name }) => name === needs);
  if (!needed || isJudge(needed)) return ['probe'];
  return [...knownBefore(suite, needed), ...needed.steps.flatMap(({ capture }) => Object.keys(capture ?? {}))];
}
