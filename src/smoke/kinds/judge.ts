import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { InvalidInput } from '../../contract/brand.js';
import { parseSecretText } from '../../contract/secret.js';
import type { Network } from '../../net/network.js';
import { PLAIN_VARIABLES } from '../../processes/child.js';
import type { CheckOptions } from '../check.js';
import type { ReadOthers } from '../drift/facts.js';
import { type Evaluation, evaluateError } from '../evaluate.js';
import { namesIn } from '../values.js';

// What the kinds share that do not ask the tenant itself.

/** Where the text of a secret is: a variable of the worker, or a file beside the suite. It is read at each use. */
export type SecretSource = { env: string } | { file: string };

/** Fields of every judge. */
export interface JudgeOptions extends CheckOptions {
  name: string;
  /** What a pass proves, for people who read a report. */
  proves: string;
  /** Judges production as well, after the move, for `CANARY_AUTO_ROLLBACK`. */
  after?: boolean;
}

/** How the judges of a gate reach what they ask. */
export interface JudgeAccess {
  network: Network;
  /** Text of a secret that a suite names.
   * @throws with the reason, which does not contain it. */
  secret(source: SecretSource): string;
  /** Variables of the worker that hold no secret. */
  plainEnv: Readonly<Record<string, string>>;
  /** Folder of the suite. */
  folder: string;
  /** What a tenant is compared with; null without a gate. */
  others: ReadOthers | null;
}

/** Stretch of time that a judge looks back on, epoch in milliseconds. */
export interface Window {
  from: number;
  until: number;
}

/** What a judge knows of the tenant that it judges. */
export interface JudgeContext {
  tenant: { name: string; origin: string };
  /** Names of tenants in quarantine, which no other canary tenant is compared with. */
  quarantined?: readonly string[];
  /** Null without a gate, as in a test of a suite. */
  access: JudgeAccess | null;
  /** Null if the build did not soak. */
  window: Window | null;
  /** Limit of one request, in milliseconds. */
  requestMs: number;
  /** Redacts a secret from now on. */
  hide(secret: string): void;
}

/** Why a judge cannot judge. It says nothing about the build. */
export class NoJudgement extends Error {
  override readonly name = 'NoJudgement';
  constructor(
    readonly expected: string,
    readonly got: string,
    readonly status: number | null = null,
    /** Minimum pause before a retry, in milliseconds; left out if a retry cannot help. */
    readonly retryInMs?: number,
  ) {
    super(`expected ${expected}, got ${got}`);
  }
}

/** Evaluation of a judge that cannot judge: whatever was thrown, it is not a pass. */
export function withoutJudgement(error: unknown): { evaluation: Evaluation; status: number | null } {
  if (!(error instanceof NoJudgement))
    return { evaluation: { ...evaluateError(error), verdict: 'could-not-test' }, status: null };
  const { expected, got, status, retryInMs } = error;
  const evaluation: Evaluation = { verdict: 'could-not-test', expected, got };
  return { evaluation: retryInMs === undefined ? evaluation : { ...evaluation, retryInMs }, status };
}

/** Access by the environment of a gate. */
export function judgeAccess(
  suiteFile: string | null,
  {
    env,
    network,
    readFile,
    others = null,
  }: {
    env: Readonly<Record<string, string | undefined>>;
    network: Network;
    readFile: (path: string) => string;
    others?: ReadOthers | null;
  },
): JudgeAccess {
  const folder = suiteFile === null ? resolve('.') : dirname(resolve(suiteFile));
  const own = (name: string) => (Object.hasOwn(env, name) ? env[name] : undefined);
  const textOf = (source: SecretSource) => {
    if ('env' in source) return own(source.env);
    try {
      return readFile(resolve(folder, source.file));
    } catch (error) {
      throw new NoJudgement('its secret', `${source.file} cannot be read: ${(error as { code?: string }).code}`);
    }
  };
  return {
    network,
    folder,
    others,
    plainEnv: Object.fromEntries(PLAIN_VARIABLES.flatMap((name) => (own(name) ? [[name, own(name) as string]] : []))),
    secret(source) {
      const name = 'env' in source ? source.env : source.file;
      const text = textOf(source)?.trim() ?? '';
      if (text === '') throw new NoJudgement('its secret', `${name} is ${'env' in source ? 'not set' : 'empty'}`);
      try {
        return parseSecretText(text);
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
        throw new NoJudgement('its secret', `${name} ${error.message}`);
      }
    },
  };
}

/** The access of a judge.
 * @throws {NoJudgement} */
export function requireAccess({ access }: JudgeContext): JudgeAccess {
  if (access === null) throw new NoJudgement('a gate that gives it network and secrets', 'none');
  return access;
}

/** The text of a value that may be a secret; a secret is redacted from now on.
 * @throws {NoJudgement} */
export function secretOf(context: JudgeContext, source: string | SecretSource): string {
  if (typeof source === 'string') return source;
  const text = requireAccess(context).secret(source);
  context.hide(text);
  return text;
}

/** Names that a judge may use as `{name}`. */
export const JUDGE_NAMES = ['tenant', 'host', 'url', 'probe'];

export const judgeValues = ({ tenant: { name, origin } }: JudgeContext, probe: string) => ({
  tenant: name,
  host: new URL(origin).host,
  url: origin,
  probe,
});

/** Names that the texts of a judge use, and no judge knows. */
export const unknownNames = (texts: unknown): string[] =>
  [...new Set(namesIn(texts))].filter((name) => !JUDGE_NAMES.includes(name));

/** Where a suite may say that a secret is. */
export const SOURCE = z.union(
  [
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    z.strictObject({ file: z.string().min(1).max(4_096) }),
  ],
  'must be { env: "NAME" } or { file: "PATH" }: a suite contains no secret',
);
