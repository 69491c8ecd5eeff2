import * as z from 'zod';
import { InvalidInput, shown } from '../../contract/brand.js';
import { parseDuration } from '../../domain/duration.js';
import type { Values } from '../check.js';
import type { Evaluation } from '../evaluate.js';
import type { Session } from '../session.js';

/** One try of a check. */
export interface Attempt {
  evaluation: Evaluation;
  /** HTTP status of the last answer; null without one. */
  status: number | null;
  latencyMs: number;
}

/** Values of a try; a kind may add what it captures. */
export type TryValues = Record<string, string> & Values;

/** One kind of check: what a suite may write, how it runs, and its verdict. */
export interface CheckKind<C> {
  /** Whether it judges a stretch of time: then `holds` is the least length of that. */
  looksBack?: true;
  /** Fields of its own, beside those of every check. */
  fields: z.ZodRawShape;
  /** What is wrong with a check beyond its shape, one line each. `known`: names that it may use at its start. */
  problems(check: C, known: readonly string[]): string[];
  /** Runs it once. A fault of what it asks is a verdict, never an error.
   * @throws the reason of `signal` if it is aborted. */
  run(session: Session, check: C, values: TryValues, signal: AbortSignal): Promise<Attempt>;
}

/** Messages of an object: of a field that is not known, and of what is no such object. */
export const unknownKeys = (otherwise: string) => ({
  error: (issue: { code?: string | undefined; keys?: string[] }) =>
    issue.code === 'unrecognized_keys'
      ? `has ${issue.keys?.map((key) => shown(key)).join(', ')}, which is not known`
      : otherwise,
});

/** Messages of a map: of a name that it may not have, and of what is no such map. */
export const invalidNames = (names: string) => ({
  error: ({ code }: { code?: string | undefined }) =>
    code === 'invalid_key' ? `names must be those of ${names}` : 'must be an object of names and values',
});

/** A text that is not blank. */
export const text = (what: string) =>
  z
    .string({ error: `must be ${what}` })
    .trim()
    .min(1, `must be ${what}`);

/** A duration, as in the settings. */
export const DURATION = z.string('must be a duration, e.g. 30s').refine((given) => {
  try {
    return parseDuration(given) > 0;
  } catch (error) {
    if (error instanceof InvalidInput) return false;
    throw error;
  }
}, 'must be a duration, e.g. 30s');
