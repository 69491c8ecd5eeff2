import { setTimeout as delay } from 'node:timers/promises';
import { InvalidInput } from '../contract/brand.js';
import { parseTraceparent } from '../domain/payloads/trace.js';
import { type Network, networkOf } from '../net/network.js';
import { startExporter } from '../otlp/exporter.js';
import { type TraceSettings, traceSettings } from '../otlp/settings.js';
import { inTrace, newTrace } from '../tracing/spans.js';
import type { Io } from './command.js';

/** How long the last spans may keep a command, in milliseconds. */
const CLOSE_MS = 2_000;

/** Runs a command in a span, part of `TRACEPARENT` if that is set, and sends what it did. What is wrong with that is a warning, and stops no rollback. */
export async function traced(io: Io, name: string, version: string, run: () => Promise<number>): Promise<number> {
  const settings = settingsOf(io, version);
  if (settings === null) return run();
  const lost: string[] = [];
  const { network, ...where } = settings;
  const exporter = startExporter(where, network, (_spans, why) => void lost.push(why));
  try {
    return await inTrace(exporter.sink, parseTraceparent(io.env.TRACEPARENT) ?? newTrace(), { name }, run);
  } finally {
    const late = delay(CLOSE_MS, `no answer within ${CLOSE_MS / 1_000} s`, { ref: false });
    const why = (await Promise.race([exporter.close(), late])) ?? lost[0];
    if (why !== undefined) io.err(`canary: warning: traces were not sent: ${why}`);
  }
}

function settingsOf(io: Io, version: string): (TraceSettings & { network: Network }) | null {
  try {
    return { ...traceSettings(io.env, { 'service.version': version }), network: networkOf(io.env) };
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    io.err(`canary: warning: no traces are sent: ${error.message}`);
    return null;
  }
}
