import type { z } from 'zod';

/** What an answer may be compared with: `probe`, a dashed UUID of this check's own (or of the one that it needs), and what was captured. */
export type Values = Readonly<Record<string, string>> & { readonly probe: string };

/** The credentials of a request. `none` sends no Authorization, Origin or Referer at all; `wrong` a token that no tenant accepts; `captured` one that an answer gave. */
export type Credentials = 'admin' | 'none' | 'wrong' | { captured: string };

/** `{probe}` and `{captured}` stand for their values in the path, where they are URL-encoded, and in every text of `json`. */
export interface CheckRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  json?: unknown;
  as: Credentials;
}

/** What an answer must be. With `json` its content type must be `type`, `application/json` unless said. */
export interface Answer {
  status: number;
  type?: string;
  json?: z.ZodType | ((values: Values) => z.ZodType);
}

/** One request and its answer; `capture` keeps values of the JSON by name, told by dotted paths: `{ workspace: 'id' }`. */
export interface Step {
  request: CheckRequest;
  answer: Answer;
  capture?: Readonly<Record<string, string>>;
}

/** One line of a suite. */
export interface Check {
  name: string;
  /** What a pass of it shows, for people who read a report. */
  proves: string;
  /** Asked in order; the first that is not answered as it must be decides. */
  steps: readonly Step[];
  /** Leaves something behind on the tenant, or would if its clean-up failed. */
  writes?: boolean;
  /** The name of an earlier check whose probe and captures this one uses. Where that could not be tested, this cannot be. */
  needs?: string;
  /** Asked when the suite is over, also when the check failed; left out where what it names was never captured. */
  cleanUp?: readonly CheckRequest[];
}

/** Suites compose: `[...defaultSuite, mine]`. */
export type Suite = readonly Check[];

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

/** A check of one request, on one line. */
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
