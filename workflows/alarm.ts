import { log } from '@temporalio/workflow';
import type { Left } from '../src/domain/lane/state.js';
import { countAlarm } from './metrics.js';

/** Somebody has to look (I2). */
export function alarm(name: string, why: string, images?: Left[]): void {
  log.error('alarm', { event: 'alarm', alarm: name, why, images });
  countAlarm(name);
}
