import { hostname, userInfo } from 'node:os';
import { readSetting } from '../config/schema.js';
import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import type { ReportLinks } from '../report/summary.js';
import { type Given, type Io, textOption } from './command.js';

/** The lane of `CANARY_LANE`.
 * @throws {InvalidInput} */
export const laneFrom = ({ env }: Io): Lane => readSetting(env, 'lane');

/** Asks on the terminal, unless `--yes` was given; absent without a terminal. */
export const askOf = ({ options }: Given, { ask }: Io): Io['ask'] => (options.yes === true ? undefined : ask);

/** Whether the person at the terminal confirms. */
export async function confirm(ask: NonNullable<Io['ask']>, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}

/** Who requests it, as the caller claims it: `--by`, else `$GITHUB_ACTOR`, else user@host. */
export function identity(given: Given, io: Io): string {
  return textOption(given, 'by') ?? (io.env.GITHUB_ACTOR || `${userInfo().username}@${hostname()}`);
}

/** Token that proves who runs the command; null if the environment asks for none. The code for it is loaded only then.
 * @throws {InvalidInput} */
export async function tokenOf({ env }: Io): Promise<string | null> {
  if (!Object.keys(env).some((name) => /^CANARY_OIDC_(?:TOKEN|TOKEN_FILE|AUDIENCE)$/.test(name))) return null;
  return (await import('../oidc/request-token.js')).tokenFrom(env);
}

/** Why: `--reason`, else what the person at the terminal answers. A dry run moves nothing, so it needs none.
 * @throws {InvalidInput} without a terminal, and with `--yes`. */
export async function reasonOf(given: Given, io: Io): Promise<string> {
  if (given.options.dryRun === true) return 'dry run';
  const reason = (textOption(given, 'reason') ?? (await askOf(given, io)?.('Why? ')) ?? '').trim();
  if (reason === '')
    throw new InvalidInput('--reason is missing: give the reason in a few words; it is kept with the run');
  return reason;
}

/** What reports link to. */
export const reportLinks = ({ env }: Io): ReportLinks => ({
  ui: readSetting(env, 'uiUrl') ?? undefined,
  runbook: readSetting(env, 'runbookUrl') ?? undefined,
});
