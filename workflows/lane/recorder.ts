import { upsertMemo } from '@temporalio/workflow';
import type { LaneState } from '../../src/contract/lane.js';
import {
  applyChange,
  changeOf,
  isMinor,
  partsOf,
  RECORD_MEMO,
  withKnownParts,
} from '../../src/lane/payloads/changes.js';

export type Recorder = (state: LaneState) => void;

/**
 * Hands each change of the state to the history, as data that a later lane reads without this code (ADR 16), in a memo beside holder and
 * rollback, which the Temporal UI shows. It makes a command of the change: a workflow task without one is merged with an update that
 * follows it if the worker has lost the run (SDK core takes it for a heartbeat), the update comes first, and a later replay, which does
 * not merge them, might answer it otherwise (ADR 10).
 * @param base what this run began with, as its history has it.
 */
export function recorder(base: LaneState): Recorder {
  let recorded: unknown = JSON.parse(JSON.stringify(base));
  let texts = new Map<string, string | undefined>();
  let isFirst = true;
  return (state) => {
    // Each message comes here, and a state can be long.
    const now = withKnownParts(state, { value: recorded, texts }, 'ledger');
    const change = changeOf(recorded, now.value);
    // The first record says that this run hands on its changes.
    if (!isFirst && (change === null || isMinor(change))) return;
    isFirst = false;
    const text = JSON.stringify(change ?? { in: {} });
    recorded = applyChange(recorded, JSON.parse(text));
    texts = now.texts;
    const { holder, rollback } = state;
    const runs = { holder: holder?.workflowId ?? null, rollback: rollback?.workflowId ?? null };
    for (const part of partsOf(text)) upsertMemo({ ...runs, [RECORD_MEMO]: part });
  };
}
