import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Sample } from '../../src/metrics/metrics.js';

/** Interval at which the event loop is measured, in milliseconds: Node counts it as a part of each delay. */
const RESOLUTION_MS = 20;

/** Measures this process from now on: its memory at each call, and how late its event loop ran since the call before. */
export function watchProcess(): () => Sample[] {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return () => {
    const lateMs = Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS);
    delays.reset();
    const { rss, heapUsed } = process.memoryUsage();
    return [
      { name: 'canary_resident_memory_bytes', labels: {}, value: rss },
      { name: 'canary_heap_used_bytes', labels: {}, value: heapUsed },
      { name: 'canary_event_loop_delay_seconds', labels: {}, value: lateMs / 1_000 },
    ];
  };
}
