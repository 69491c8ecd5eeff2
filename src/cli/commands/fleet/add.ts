import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { InvalidInput } from '../../../contract/brand.js';
import type { AddStop, AddTenantStatus } from '../../../contract/tenants/added.js';
import { parseAddTenantInput } from '../../../domain/inputs.js';
import { DeadlineReached, unlessAborted, withDeadline } from '../../../net/deadline.js';
import { withClient } from '../../../temporal/connect.js';
import { additionStatus, awaitAddition, startAddition } from '../../../temporal/records/additions.js';
import { type Given, type Io, textOption, wantsJson } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { askOf, identity, laneFrom } from '../../identity.js';
import { interruptCode } from '../../interrupt.js';
import { timeoutOf } from '../../wait/timeout.js';

/** Interval of status queries, in milliseconds; each is an Action. */
const POLL_MS = 1_000;

/** Outcomes that are an answer, not a fault. */
const REFUSED: string[] = ['red', 'not-ours', 'mark-unknown', 'already-provisioned'] satisfies AddStop[];

/** Starts `AddCanaryTenant`, or attaches to it, and follows it to its end. */
export async function addTenant(slug: string, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const timeoutMs = timeoutOf(given);
  const requestedBy = identity(given, io);
  const { slug: parsed } = parseAddTenantInput({ slug });
  const recreate = given.options.recreate === true ? await confirmed(parsed, given, io) : undefined;
  const input = parseAddTenantInput({ slug, requestedBy, ...(recreate !== undefined && { recreate }) });
  return withClient(io.env, async (client) => {
    const { handle, isAttached } = await startAddition(client, lane, input);
    io.err(`${handle.workflowId} is ${isAttached ? 'already running: attached' : 'started'}`);
    if (given.options.wait === false) return EXIT.done;
    try {
      const end = await withDeadline(timeoutMs, io.signal, (signal) =>
        unlessAborted(follow(client, handle, io, signal), signal),
      );
      return printEnd(end, given, io);
    } catch (error) {
      const isLate = error instanceof DeadlineReached;
      if (!isLate && !io.signal.aborted) throw error;
      io.err(`canary: ${isLate ? 'not done in time' : 'detached'}; ${handle.workflowId} continues`);
      return isLate ? EXIT.undecided : interruptCode(io.signal);
    }
  });
}

/** What a person types to have data deleted: the slug. `--confirm` types it where there is no terminal.
 * @throws {InvalidInput} */
async function confirmed(slug: string, given: Given, io: Io): Promise<string> {
  const question = `--recreate deletes the org ${slug} with all its data, if its instance is not a running canary. Type ${slug}: `;
  const typed = textOption(given, 'confirm') ?? (await askOf(given, io)?.(question)) ?? '';
  if (typed.trim() === slug) return slug;
  throw new InvalidInput(`--recreate deletes all data of ${slug}: confirm it with --confirm ${slug}`);
}

async function follow(client: Client, handle: WorkflowHandle, io: Io, signal: AbortSignal) {
  const ended = new AbortController();
  const print = async () => {
    for (let last = ''; !ended.signal.aborted && !signal.aborted; ) {
      const status = await additionStatus(client, handle);
      if (status !== null && status.phase !== last && status.phase !== 'done') io.err(`${status.phase}: ${status.why}`);
      last = status?.phase ?? last;
      await delay(POLL_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  };
  const printing = print();
  try {
    return await awaitAddition(handle);
  } finally {
    ended.abort();
    await printing;
  }
}

function printEnd(end: AddTenantStatus | { why: string }, given: Given, io: Io): number {
  const outcome = 'outcome' in end ? end.outcome : null;
  if (wantsJson(given)) io.out(JSON.stringify({ ...end, outcome }));
  else io.out(`${outcome ?? 'failed'}: ${end.why}`);
  if (outcome === 'added') return EXIT.done;
  if (outcome === 'not-configured') return EXIT.usage;
  return outcome !== null && REFUSED.includes(outcome) ? EXIT.refused : EXIT.fault;
}
