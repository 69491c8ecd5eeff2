import type { z } from 'zod';

/** One line of a suite. */
export interface Check {
  name: string;
  /** What a pass of it shows, for people who read a report. */
  proves: string;
  request: (probe: string) => CheckRequest;
  /** The answer that it must be. */
  answer: (probe: string) => { status: number; json?: z.ZodType };
  /** Leaves something behind on the tenant. */
  writes?: boolean;
}

export interface CheckRequest {
  method: 'GET' | 'POST';
  path: string;
  json?: unknown;
  /** `none` sends no Authorization, Origin or Referer at all. */
  as: 'admin' | 'none';
}

export const get = (path: string, as: 'admin' | 'none' = 'admin'): CheckRequest => ({ method: 'GET', path, as });
export const post = (path: string, json: unknown): CheckRequest => ({ method: 'POST', path, json, as: 'admin' });
