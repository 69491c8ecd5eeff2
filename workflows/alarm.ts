import { log } from '@temporalio/workflow';
import { countAlarm } from './metrics.js';

/** Somebody has to look (I2). */
export function alarm(name: string, facts: { why?: string; images?: object[] | undefined }): void {
  log.error('alarm', { event: 'alarm', alarm: name, ...facts });
  countAlarm(name);
}
