import { log, metricMeter } from '@temporalio/workflow';

// Replay-safe, and no command of a workflow: they reach the worker's /metrics, with `_total` behind each name.

/** How runs ended, by workflow and outcome or failure type. */
export const countEnd = (workflow: string, outcome: string) =>
  metricMeter.createCounter('canary_runs_ended').add(1, { workflow, outcome });

/** What became of moves: the worst result of an image. */
export const countMove = (kind: string, result: string) =>
  metricMeter.createCounter('canary_moves').add(1, { kind, result });

/** What releases were held for. */
export const countHold = (hold: string) => metricMeter.createCounter('canary_holds').add(1, { hold });

/** What somebody has to look at now. */
export const countAlarm = (alarm: string) => metricMeter.createCounter('canary_alarms').add(1, { alarm });

/** Somebody has to look (I2). */
export function alarm(name: string, facts: { why?: string; images?: object[] | undefined }): void {
  log.error('alarm', { event: 'alarm', alarm: name, ...facts });
  countAlarm(name);
}
