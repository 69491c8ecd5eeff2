import { setCurrentDetails } from '@temporalio/workflow';
import { laneDetails } from '../src/domain/lane/details.js';
import type { LaneState } from '../src/domain/lane/state.js';
import type { ReleaseStatus } from '../src/domain/release.js';
import { runDetails } from '../src/domain/run-details.js';

/** Keeps the run's page in the Temporal UI current; no command comes of it. */
export const show = (state: ReleaseStatus): void => setCurrentDetails(runDetails(state));
/** The same for the lane's page. */
export const showLane = (state: LaneState): void => setCurrentDetails(laneDetails(state, Date.now()));
