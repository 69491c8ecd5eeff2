import { log } from '@temporalio/activity';
import type { EventSink } from '../publish.js';

/** Sink that logs one JSON line per event; alarms are errors. */
export const logLines: EventSink = {
  name: 'log lines',
  deliver(event) {
    const { type, ...facts } = event;
    log[type === 'alarm' ? 'error' : 'info'](type, { event: type, ...facts });
  },
};
