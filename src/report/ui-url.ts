import type { ReportLinks, RunRecord } from './run-record.js';

/** Where the Temporal UI shows a run; nothing when no UI is configured. */
export function uiUrl({ namespace, workflowId, runId }: RunRecord, { ui }: ReportLinks): string | undefined {
  const path = [namespace, 'workflows', workflowId, runId].map(encodeURIComponent).join('/');
  return ui && `${ui.replace(/\/+$/, '')}/namespaces/${path}`;
}
