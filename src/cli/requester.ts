import { hostname, userInfo } from 'node:os';
import { InvalidInput } from '../contract/brand.js';
import { type Lane, parseLane } from '../contract/ids.js';
import type { ReportLinks } from '../report/summary.js';
import { type Given, type Io, textOption } from './command.js';

/** The lane that is meant.
 * @throws {InvalidInput} */
export const laneFrom = ({ env }: Io): Lane => parseLane(env.CANARY_LANE ?? '');

/** Whether whoever sits at the terminal says yes. */
export async function confirm(ask: NonNullable<Io['ask']>, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}

/** Who asks, as the caller claims it: `--by`, else `$GITHUB_ACTOR`, else user@host. */
export function identity(given: Given, io: Io): string {
  return textOption(given, 'by') ?? (io.env.GITHUB_ACTOR || `${userInfo().username}@${hostname()}`);
}

/** Why: `--reason`, else what whoever sits at the terminal answers. A dry run moves nothing that would have to be explained.
 * @throws {InvalidInput} where nobody is there to ask. */
export async function reasonOf(given: Given, io: Io): Promise<string> {
  if (given.options.dryRun === true) return 'dry run';
  const reason = (textOption(given, 'reason') ?? (await io.ask?.('Why? ')) ?? '').trim();
  if (reason === '') throw new InvalidInput('--reason is missing: say why in a few words; it is kept with the run');
  return reason;
}

/** Where reports link to. */
export const reportLinks = ({ env }: Io): ReportLinks => ({
  ui: env.CANARY_UI_URL,
  runbook: env.CANARY_RUNBOOK_URL,
});
