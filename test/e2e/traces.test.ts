import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIRECT } from '../../src/net/network.js';
import { type Exporter, startExporter } from '../../src/otlp/exporter.js';
import { traceSettings } from '../../src/otlp/settings.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { canary as run } from '../support/cli.js';
import { TOKEN, useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: string } }[];
}

/** Trace that a CI job is part of. */
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const JOB = 'b7ad6b7169203331';

describe('traces', () => {
  let collector: SinkServer;
  let exporter: Exporter;
  const endpoint = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const gate = useGate('traces', async () => {
    collector = await startSinkServer();
    exporter = startExporter(traceSettings(endpoint(), {}), DIRECT, () => undefined);
    return { spans: exporter.sink };
  });
  afterAll(() => collector.stop());

  let spans: SentSpan[];
  beforeAll(async () => {
    await gate().begin(newSha());
    const { sha } = await gate().greenBuild();
    const env = { ...gate().env, ...endpoint(), TRACEPARENT: `00-${TRACE}-${JOB}-01` };
    expect(await run(['release', sha, '--wait'], env)).toMatchObject({ code: 0 });
    // The watch over the fleet is told to end, and ends after the release.
    await until('every activity has ended', async () => {
      await exporter.close();
      spans = collector.taken.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
      return orphans().length === 0;
    });
  }, 60_000);

  /** Spans of the release that are part of one that never came. */
  const orphans = () => {
    const known = new Set([...spans.map(({ spanId }) => spanId), JOB]);
    return spans.filter((one) => one.traceId === TRACE && !known.has(one.parentSpanId ?? ''));
  };

  const named = (name: string | RegExp) =>
    spans.filter(
      (one) => one.traceId === TRACE && (typeof name === 'string' ? one.name === name : name.test(one.name)),
    );
  const only = (name: string): SentSpan => {
    const found = named(name);
    expect(found.map((one) => one.name)).toEqual([name]);
    return found[0] as SentSpan;
  };
  const attribute = (span: SentSpan, name: string) => {
    const value = span.attributes.find(({ key }) => key === name)?.value;
    return value?.stringValue ?? value?.intValue;
  };
  /** Names from the root to a span. */
  function pathOf(span: SentSpan): string[] {
    const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
    return [...(parent ? pathOf(parent) : []), span.name];
  }

  test('lead from the CI job through the command and the run to its activities, and to each request of them', () => {
    const release = ['canary release', 'StartWorkflow:CanaryRelease', 'RunWorkflow:CanaryRelease'];
    expect(only('canary release').parentSpanId).toBe(JOB);
    expect(pathOf(only('RunWorkflow:CanaryRelease'))).toEqual(release);
    expect(pathOf(only('RunActivity:resolveBuild'))).toEqual([...release, 'RunActivity:resolveBuild']);
    // The mover is a child, whose activities are part of the run that waits for it.
    expect(pathOf(only('RunActivity:moveTags'))).toEqual([...release, 'RunActivity:moveTags']);
    const paths = spans.filter(({ name }) => /^[A-Z]+$/.test(name)).map((one) => pathOf(one).slice(-2).join(' '));
    expect(paths).toContain('RunActivity:resolveBuild GET');
    expect(paths).toContain('RunActivity:smokeTenant GET');
    expect(paths).toContain('RunActivity:moveTags PUT');
  });

  test('have a span for the run with its outcome, and one for each phase', () => {
    const whole = only('RunWorkflow:CanaryRelease');
    expect(attribute(whole, 'canary.outcome')).toBe('promoted');
    const phases = spans.filter(({ parentSpanId }) => parentSpanId === whole.spanId).map(({ name }) => name);
    for (const phase of ['queued', 'resolving', 'awaiting-canary', 'soaking', 'smoking', 'promoting'])
      expect(phases).toContain(phase);
  });

  test('miss no span that another one is part of, in the trace of the release', () => {
    expect(orphans().map(({ name }) => name)).toEqual([]);
    expect(named(/./).length).toBeGreaterThan(40);
  });

  test('tell no token, no header and no query, and of a tenant no path', () => {
    const told = collector.taken.map(({ body }) => body).join('\n');
    expect(told).not.toContain(TOKEN);
    expect(told).not.toMatch(/authorization|bearer/i);
    const attributes = new Set(spans.flatMap((one) => one.attributes.map(({ key }) => key)));
    expect([...attributes].filter((key) => /^(url|http|server)\./.test(key)).sort()).toEqual([
      'http.request.method',
      'http.response.status_code',
      'server.address',
      'server.port',
      'url.path',
      'url.scheme',
    ]);
    for (const one of spans) expect(attribute(one, 'url.path') ?? '/v2/').toMatch(/^\/v2\/[^?]*$/);
  });

  test('of a run that was started without one have its run id as their trace', async () => {
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await handle.result();
    await exporter.close();
    const traceId = handle.firstExecutionRunId.replaceAll('-', '');
    const own = collector.taken
      .flatMap(({ body }): SentSpan[] => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans)
      .filter((one) => one.traceId === traceId);
    const root = own.find(({ name }) => name === 'RunWorkflow:CanaryRelease');
    expect(root).not.toHaveProperty('parentSpanId');
    const activities = own.filter(({ name }) => name.startsWith('RunActivity:'));
    expect(activities.length).toBeGreaterThan(5);
    for (const one of activities) expect(one.parentSpanId).toBe(root?.spanId);
  });
});
