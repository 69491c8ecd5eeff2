import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { stopsReleases } from '../../src/contract/ids.js';
import { canary } from './cli.js';
import type { Gate } from './gate.js';
import { temporalAddress } from './servers.js';
import { until } from './until.js';

/** Why a person pauses something, in Temporal. */
const REASON = 'rolling out a worker';
const BY = `by ada (${REASON})`;
/** How long a run is watched for a loop that does not wait, in milliseconds. */
const WATCHED_MS = 2_000;
/** Most events that a run adds to its history meanwhile: a loop adds hundreds. */
const MAX_EVENTS = 8;
/** A run is at rest when this many looks in a row, of some 200 ms each, find nothing new. */
const LOOKS_AT_REST = 4;

const namespace = 'default';
const handleOf = ({ client }: Gate, workflowId: string) => client.workflow.getHandle(workflowId);
const eventsOf = async (gate: Gate, id: string) => (await handleOf(gate, id).describe()).historyLength;

/**
 * Pauses a run, as `temporal workflow pause` does, while it is at rest: SDK 1.24.0 does not replay one that was paused between the
 * schedule of a workflow task and its begin, which a step that ends in that moment makes (docs/runbook/cancel-terminate-reset.md).
 */
export async function pauseRun(gate: Gate, workflowId: string): Promise<void> {
  let [before, looks] = [-1, 0];
  await until('it is at rest', async () => {
    const { raw, historyLength } = await handleOf(gate, workflowId).describe();
    looks = historyLength === before && !raw.pendingWorkflowTask ? looks + 1 : 0;
    before = historyLength;
    return looks === LOOKS_AT_REST;
  });
  const asked = { namespace, workflowId, identity: 'ada', reason: REASON, requestId: randomUUID() };
  await gate.client.workflowService.pauseWorkflowExecution(asked);
  await until('it is paused', async () => (await handleOf(gate, workflowId).describe()).status.name === 'PAUSED');
}

export async function unpauseRun({ client }: Gate, workflowId: string): Promise<void> {
  const asked = { namespace, workflowId, identity: 'ada', reason: REASON, requestId: randomUUID() };
  await client.workflowService.unpauseWorkflowExecution(asked);
}

/** Pauses the step of a run that carries out this activity, as `temporal activity pause` does; its id. */
export async function pauseStep(gate: Gate, workflowId: string, type: string): Promise<string> {
  const id = await until(`its step ${type} is open`, async () => {
    const { raw } = await handleOf(gate, workflowId).describe();
    return raw.pendingActivities?.find(({ activityType }) => activityType?.name === type)?.activityId;
  });
  const asked = { namespace, execution: { workflowId }, id, identity: 'ada', reason: REASON };
  await gate.client.workflowService.pauseActivity(asked);
  return id;
}

export async function unpauseStep({ client }: Gate, workflowId: string, id: string): Promise<void> {
  await client.workflowService.unpauseActivity({ namespace, execution: { workflowId }, id, identity: 'ada' });
}

/** What status and doctor print for this gate. */
export async function told(gate: Gate): Promise<{ status: string[]; doctor: string[] }> {
  const env = { ...gate.env, CANARY_LANE: gate.lane, TEMPORAL_ADDRESS: temporalAddress() };
  const run = async (command: string) => {
    const { out, err } = await canary([command], env);
    return [...out, ...err];
  };
  const [status, doctor] = await Promise.all([run('status'), run('doctor')]);
  return { status, doctor };
}

/** Both commands name what a person stopped, with the fix; doctor says that it stops releases only if it does. */
async function expectNamed(gate: Gate, id: string, what: string, fix: string): Promise<void> {
  const { status, doctor } = await told(gate);
  const line = status.indexOf(`STOPPED  ${id} ${what}`);
  expect(status.join('\n')).toContain(`STOPPED  ${id} ${what}`);
  expect(status[line + 1]?.trim()).toBe(fix);
  expect(status.filter((one) => one.includes(id) && /no worker answers/.test(one))).toEqual([]);
  const level = stopsReleases(id) ? 'STOPS' : 'WARNING';
  expect(doctor).toContain(`${level.padEnd(7)}  runs      ${id} ${what} (fix: ${fix})`);
}

/** What is said of a run that is paused, and of one that waits for a paused step; and the fixes. */
export const PAUSED = `is paused in Temporal ${BY}: nothing of it goes on`;
export const unpauseFix = (id: string) => `temporal workflow unpause --workflow-id ${id} --reason …`;
export const stepPaused = (type: string) => `waits for its step ${type}, which is paused in Temporal ${BY}`;
export const stepFix = (id: string, step: string) =>
  `temporal activity unpause --workflow-id ${id} --activity-id ${step}`;

export const expectPaused = (gate: Gate, id: string) => expectNamed(gate, id, PAUSED, unpauseFix(id));
export const expectStepPaused = (gate: Gate, id: string, type: string, step: string) =>
  expectNamed(gate, id, stepPaused(type), stepFix(id, step));

/** Expects that these runs do not go round without a pause. */
export async function expectCalm(gate: Gate, ids: string[]): Promise<void> {
  const before = await Promise.all(ids.map((id) => eventsOf(gate, id)));
  const began = Date.now();
  // The wait is what is measured.
  await until('they were watched for a while', () => Date.now() - began > WATCHED_MS);
  const after = await Promise.all(ids.map((id) => eventsOf(gate, id)));
  for (const [index, events] of after.entries()) expect(events - (before[index] ?? 0)).toBeLessThanOrEqual(MAX_EVENTS);
}
