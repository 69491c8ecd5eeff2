import { CancelledFailure, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { releaseLaneId } from '../src/contract/ids.js';
import type { Ask, Lost, Standing } from '../src/contract/lane.js';
import { standingSignal, turnLostSignal } from '../src/contract/messages.js';
import type { Desk, Release } from './release/context.js';
import { laneReads, turns } from './shared/activity-options.js';
import { enter, ownLane, stop } from './shared/run.js';

/** The turn is another one, or gone: the run starts over from resolving. */
export class TurnChanged extends Error {
  override readonly name = 'TurnChanged';
}

/** Its turn was taken back, or is given up: ends the run, as a cancel would. */
export function lose(desk: Desk, lost: Lost): CancelledFailure {
  desk.lost ??= lost;
  return new CancelledFailure('the turn is lost');
}

/** Hears from the lane that the turn is lost; the steps that run are stopped. */
export function hearOfLostTurn(desk: Desk): void {
  setHandler(turnLostSignal, (sent) => {
    const { turn, superseded, revoked, bad } = Object(sent) as Record<string, unknown>;
    if (typeof superseded === 'string') desk.told = { turn, lost: { superseded } };
    else if (typeof revoked === 'string') desk.told = { turn, lost: { revoked, ...(bad === true && { bad }) } };
    heed(desk);
  });
}

/** A reset hands on what was said to the run before it, about another turn; and the news may come with the turn itself. */
function heed(desk: Desk): void {
  const { told, turn, state } = desk;
  if (!told || told.turn !== turn || state.moving || desk.lost) return;
  desk.lost = told.lost;
  desk.onAbort();
}

/** Waits for the turn to use the canary fleet. Without one when there is nothing to do: since when, and by whom, the build is live. */
export async function takeTurn(desk: Desk, ask: Omit<Ask, 'workflowId' | 'runId'>): Promise<string | null> {
  enter(desk.state, 'queued', 'waits for its turn to use the canary fleet');
  delete desk.turn;
  desk.ask = { ...ask, ...ownRun() };
  const got = await turns('wait for the turn').awaitTurn(desk.ask);
  if ('superseded' in got) throw lose(desk, got);
  if ('bad' in got) throw stop('CanaryBuildBad', got.bad);
  if ('live' in got) return got.live;
  desk.turn = got.turn;
  heed(desk);
  return null;
}

/** Where this run stands with the lane; one that was reset holds another turn, or none (protocol §2).
 * @throws {TurnChanged} */
export async function confirmTurn(release: Release): Promise<Standing> {
  const standing = await laneReads('is it still its turn?').confirmTurn(release.ask as Ask);
  if (standing.lost) throw lose(release, standing.lost);
  if (standing.turn !== release.turn) throw new TurnChanged('the turn is another one');
  return standing;
}

/** Tells the lane what the run is held for, and from when on a newer build may take its turn. Nothing hangs on it. */
export async function tellStanding(waits: { hold: string; givesWayAt: number } | null): Promise<void> {
  await getExternalWorkflowHandle(releaseLaneId(ownLane()))
    .signal(standingSignal, { runId: workflowInfo().runId, waits })
    .catch(() => undefined);
}

export const ownRun = () => ({ workflowId: workflowInfo().workflowId, runId: workflowInfo().runId });
