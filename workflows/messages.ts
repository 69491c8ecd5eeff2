import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { DecisionInput, Verb } from '../src/domain/hold.js';
import type { ReleaseStatus, TenantBuild } from '../src/domain/release.js';

/** Where a release or a rollback stands, why, and what each verb would do now. */
export const statusQuery = defineQuery<ReleaseStatus>('status');

/** A decision, answered: what it did, or why it was refused. */
export const approveUpdate = defineUpdate<string, [DecisionInput]>('approve');
export const abortUpdate = defineUpdate<string, [DecisionInput]>('abort');
export const retryUpdate = defineUpdate<string, [DecisionInput]>('retry');

/** The same for where only signals can be sent; a refusal is shown in `status`. */
export const approveSignal = defineSignal<[DecisionInput]>('approve');
export const abortSignal = defineSignal<[DecisionInput]>('abort');
export const retrySignal = defineSignal<[DecisionInput]>('retry');

/** From a run's own activity: what the tenants report by now. */
export const buildsSeenSignal = defineSignal<[TenantBuild[]]>('builds-seen');

export const VERBS: Record<Verb, { update: typeof approveUpdate; signal: typeof approveSignal; description: string }> =
  {
    approve: {
      update: approveUpdate,
      signal: approveSignal,
      description: 'Go on although a machine would not: {"by","reason","hold"}',
    },
    abort: { update: abortUpdate, signal: abortSignal, description: 'End this release: {"by","reason"}' },
    retry: {
      update: retryUpdate,
      signal: retrySignal,
      description: 'Try again what it is held for: {"by","reason","hold"}',
    },
  };
