import { setCurrentDetails } from '@temporalio/workflow';
import type { ReleaseStatus } from '../src/domain/release.js';
import { runDetails } from '../src/domain/run-details.js';

/** Keeps the run's page in the Temporal UI current; no command comes of it. */
export const show = (state: ReleaseStatus): void => setCurrentDetails(runDetails(state));
