import { type Client, ScheduleNotFoundError } from '@temporalio/client';
import { checkDriftId, type Lane } from '../contract/ids.js';
import { oneLine } from '../domain/markdown.js';
import { deniedOrUnsupported } from '../temporal/connect.js';
import type { Finding } from './finding.js';

/** Whether the Schedule that compares `:latest` with the ledger is there, and not paused. One that these credentials may not read says nothing. */
export async function checkSchedule(client: Client, lane: Lane): Promise<Finding[]> {
  const id = checkDriftId(lane);
  const warning = (what: string, fix: string): Finding[] => [
    { area: 'lane', level: 'warning', what: `${what}, so a :latest that others moved goes unnoticed`, fix },
  ];
  try {
    const { state } = await client.schedule.getHandle(id).describe();
    if (!state.paused) return [];
    const note = state.note ? ` (${oneLine(state.note)})` : '';
    const fix = `temporal schedule toggle --schedule-id ${id} --unpause --reason …`;
    return warning(`the Schedule ${id} is paused in Temporal${note}`, fix);
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return warning(`there is no Schedule ${id}`, 'canary setup');
    if (deniedOrUnsupported(error) !== null) return [];
    throw error;
  }
}
