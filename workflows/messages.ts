import { defineQuery } from '@temporalio/workflow';
import type { ReleaseStatus } from '../src/domain/release.js';

/** Where a release or a rollback stands, and why. */
export const statusQuery = defineQuery<ReleaseStatus>('status');
