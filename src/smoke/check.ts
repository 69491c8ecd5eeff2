import type { z } from 'zod';

/** Values that an answer may be compared with: `probe`, a dashed UUID that is new for each check (or taken from the check that it needs), and what was captured. */
export type Values = Readonly<Record<string, string>> & { readonly probe: string };

/** Credentials of a request. `none` sends no Authorization, Origin or Referer; `wrong` sends a token that no tenant accepts; `captured` sends a token from an earlier answer. */
export type Credentials = 'admin' | 'none' | 'wrong' | { captured: string };

/** Request of a step. `{probe}` and `{captured}` are replaced by their values in the path, where they are URL-encoded, and in every string of `json`. */
export interface CheckRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  json?: unknown;
  as: Credentials;
}

/** Expected answer. If `json` is set, the content type must be `type` (default: `application/json`). */
export interface Answer {
  status: number;
  type?: string;
  json?: z.ZodType | ((values: Values) => z.ZodType);
}

/** One request and its expected answer; `capture` maps names to dotted paths of values in the JSON: `{ workspace: 'id' }`. */
export interface Step {
  request: CheckRequest;
  answer: Answer;
  capture?: Readonly<Record<string, string>>;
}

/** What every check may have, whatever its kind. */
export interface CheckOptions {
  /** Measures and shows, and is never part of the verdict. */
  observe?: boolean;
  /** Tries after the first while there is no answer; without it, as many as the retry budget of the tenant allows. */
  retries?: number;
  /** Fails in a row that make a fail; 1 if left out. */
  failures?: number;
  /** How long it must pass without a break, `30s`; of a query, how long the window must be at least. */
  holds?: string;
  /** Pause between two tries for `failures` and `holds`; `5s` if left out. */
  every?: string;
}

/** One check of a suite that sends requests to the tenant. */
export interface Check extends CheckOptions {
  name: string;
  /** What a pass proves, for people who read a report. */
  proves: string;
  /** Steps in order; the first that does not pass decides the verdict. */
  steps: readonly Step[];
  /** Whether the check leaves something behind on the tenant, or would if its clean-up failed. */
  writes?: boolean;
  /** Name of an earlier check whose probe and captures this one uses. If that check could not be tested, this one does not run. */
  needs?: string;
  /** Requests that are sent after the suite, also if the check failed. A request that names a value which was never captured is skipped. */
  cleanUp?: readonly CheckRequest[];
}
