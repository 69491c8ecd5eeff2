import { workflowInfo } from '@temporalio/workflow';
import { leavePhase } from '../src/domain/phase-times.js';
import type { ReleaseStatus, RunTimes } from '../src/domain/release.js';

/** When this run began, and where its time went until now. */
export function timesOf({ phases, since }: ReleaseStatus): RunTimes {
  const ended = new Date().toISOString();
  return { started: workflowInfo().startTime.toISOString(), ended, phases: leavePhase(phases, since, ended) };
}
