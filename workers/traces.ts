import { InvalidInput } from '../src/contract/brand.js';
import { networkOf } from '../src/net/network.js';
import { type Exporter, startExporter } from '../src/otlp/exporter.js';
import { shownEndpoint, traceSettings, wantsTraces } from '../src/otlp/settings.js';
import { logEvent } from './log.js';

/** Least time between two lines about lost spans, in milliseconds. */
const QUIET_MS = 60_000;

/** Sends the spans of this worker, if the environment names where to; what is wrong with that is logged, and stops no release. */
export function startTraces(env: NodeJS.ProcessEnv, version: string): Exporter | null {
  if (!wantsTraces(env)) return null;
  try {
    const settings = traceSettings(env, { 'service.version': version });
    const exporter = startExporter(settings, networkOf(env), lostLines());
    logEvent('INFO', 'traces.started', { endpoint: shownEndpoint(settings) });
    return exporter;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    logEvent('WARN', 'traces.off', { why: error.message });
    return null;
  }
}

/** A line for the first spans that are lost, and then one a minute at most. */
function lostLines() {
  let [last, spans] = [Number.NEGATIVE_INFINITY, 0];
  return (more: number, why: string) => {
    spans += more;
    if (performance.now() - last < QUIET_MS) return;
    logEvent('WARN', 'traces.lost', { spans, why });
    [last, spans] = [performance.now(), 0];
  };
}
