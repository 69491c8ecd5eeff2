import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { TRACE_HEADER } from '../../src/domain/payloads/trace.js';
import { NoAnswer, send } from '../../src/net/http.js';
import { DIRECT } from '../../src/net/network.js';
import { type Lost, startExporter } from '../../src/otlp/exporter.js';
import { traceSettings, wantsTraces } from '../../src/otlp/settings.js';
import { traceStarts } from '../../src/temporal/transport/trace-headers.js';
import { inSpan, inTrace, newTrace, type Span } from '../../src/tracing/spans.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { until } from '../support/until.js';

const span = (name: string): Span => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentId: null,
  name,
  kind: 'client',
  start: 1_764_000_000_000,
  end: 1_764_000_000_250,
  attributes: { 'server.address': 'registry.example', 'server.port': 443 },
  error: 'ECONNREFUSED',
});

describe('the exporter', () => {
  let server: SinkServer;
  beforeAll(async () => {
    server = await startSinkServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    server.requests.length = 0;
    server.answer = () => ({ status: 200, body: '{}' });
  });
  const lost: [number, string][] = [];
  const note: Lost = (spans, why) => void lost.push([spans, why]);
  const settings = () =>
    traceSettings(
      { OTEL_EXPORTER_OTLP_ENDPOINT: `${server.url}/otlp/`, OTEL_EXPORTER_OTLP_HEADERS: 'Api-Key=a%20key' },
      { 'service.version': '1' },
    );

  test('sends spans as OTLP in JSON, with the headers of the environment', async () => {
    const exporter = startExporter(settings(), DIRECT, note);
    exporter.sink(span('GET'));
    await exporter.close();
    const [request] = server.taken;
    expect(request).toMatchObject({ method: 'POST', path: '/otlp/v1/traces', headers: { 'api-key': 'a key' } });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      resourceSpans: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'canary-release-gate' } },
              { key: 'service.version', value: { stringValue: '1' } },
            ],
          },
          scopeSpans: [
            {
              scope: { name: 'canary-release-gate' },
              spans: [
                {
                  traceId: 'a'.repeat(32),
                  spanId: 'b'.repeat(16),
                  name: 'GET',
                  kind: 3,
                  startTimeUnixNano: '1764000000000000000',
                  endTimeUnixNano: '1764000000250000000',
                  attributes: [
                    { key: 'server.address', value: { stringValue: 'registry.example' } },
                    { key: 'server.port', value: { intValue: '443' } },
                    { key: 'error.type', value: { stringValue: 'ECONNREFUSED' } },
                  ],
                  status: { code: 2 },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('sends what waits in batches, and nothing of its own requests', async () => {
    const exporter = startExporter(settings(), DIRECT, note, { delayMs: 50, spans: 3, waiting: 10 });
    await inTrace(exporter.sink, newTrace(), { name: 'outer' }, async () => {
      for (const name of ['a', 'b', 'c']) await inSpan({ name }, async () => undefined);
    });
    const names = () =>
      server.requests.flatMap(({ body }) =>
        JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.map((one: { name: string }) => one.name),
      );
    await until('all came', () => names().length >= 4);
    expect(names()).toEqual(['a', 'b', 'c', 'outer']);
    await exporter.close();
    expect(names()).toHaveLength(4);
  });

  test('loses spans that are not taken, says how many and why without the address, and keeps no caller waiting', async () => {
    lost.length = 0;
    server.answer = () => ({ status: 503 });
    const exporter = startExporter(settings(), DIRECT, note, { delayMs: 60_000, spans: 10, waiting: 2 });
    for (const name of ['a', 'b', 'c']) exporter.sink(span(name));
    await exporter.close();
    expect(lost).toEqual([
      [1, 'more spans than can be sent'],
      [2, 'answered 503'],
    ]);
  });
});

test('a collector that hangs gets one request at a time; what is more than may wait is lost, and counted', async () => {
  const asked: (() => void)[] = [];
  const server = createServer((_, answer) => void asked.push(() => answer.end()));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const lost: [number, string][] = [];
  const exporter = startExporter(
    traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }, {}),
    DIRECT,
    (spans, why) => void lost.push([spans, why]),
    { delayMs: 60_000, spans: 2, waiting: 4 },
  );
  for (let count = 0; count < 20; count += 1) exporter.sink(span('GET'));
  const closed = exporter.close();
  let answered = 0;
  // Two spans are under way, four wait.
  for (; answered < 3; answered += 1) {
    await until('one request is open', () => asked.length === answered + 1);
    asked[answered]?.();
  }
  await closed;
  expect(asked).toHaveLength(3);
  expect(lost).toEqual([[14, 'more spans than can be sent']]);
});

describe('where traces go', () => {
  test('is nowhere without an endpoint, or where the SDK is disabled', () => {
    expect(wantsTraces({})).toBe(false);
    expect(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBe(false);
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect(wantsTraces(on)).toBe(true);
    expect(wantsTraces({ ...on, OTEL_SDK_DISABLED: 'true' })).toBe(false);
    expect(wantsTraces({ ...on, OTEL_TRACES_EXPORTER: 'none' })).toBe(false);
  });

  test('is the endpoint of traces as it stands, before the one of all signals', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/in?tenant=7',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=eu',
      OTEL_SERVICE_NAME: 'gate',
    };
    const { url, resource } = traceSettings(env, {});
    expect(url.href).toBe('https://traces.example/in?tenant=7');
    expect(resource).toEqual({ 'service.name': 'gate', 'deployment.environment': 'eu' });
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://me:secret@collector'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318 secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=secret%0d%0ab: c'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=secret'],
  ])('is refused by the name of %s alone: %s', (name, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', [name]: value };
    expect(() => traceSettings(env, {})).toThrow(`invalid ${name}`);
    expect(() => traceSettings(env, {})).not.toThrow('secret');
  });

  test('is refused over gRPC, with what to set', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(() => traceSettings(env, {})).toThrow('set http/json');
  });
});

describe('a span of a request', () => {
  const ended: Span[] = [];
  const traced = (run: () => Promise<unknown>) =>
    inTrace((one) => void ended.push(one), newTrace(), { name: 'test' }, run).catch(() => undefined);
  beforeEach(() => void ended.splice(0));
  const request = { method: 'GET', network: DIRECT, timeoutMs: 5_000, maxBytes: 1_000 } as const;

  test('tells host and status, the path of a registry alone, and neither query, login nor header', async () => {
    const server = await startSinkServer();
    const url = new URL(`${server.url.replace('//', '//me:secret@')}/v2/acme/app/manifests/latest?sig=secret`);
    const headers = { authorization: 'Bearer secret' };
    await traced(() => send({ ...request, url, headers, tells: 'path' }));
    await traced(() => send({ ...request, url, headers }));
    await traced(() => send({ ...request, url, headers, tells: 'nothing' }));
    await server.stop();
    const [named, plain, silent] = ended.filter(({ kind }) => kind === 'client').map(({ attributes }) => attributes);
    expect(plain).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'server.port': Number(url.port),
    });
    expect(named).toEqual({ ...plain, 'url.path': '/v2/acme/app/manifests/latest' });
    expect(silent).toEqual({ 'http.request.method': 'GET', 'http.response.status_code': 200 });
    expect(JSON.stringify(ended)).not.toContain('secret');
  });

  test('that got no answer tells the code of the socket, and no text', async () => {
    const server = await startSinkServer();
    await server.stop();
    await traced(() => send({ ...request, url: new URL(`${server.url}/?token=secret`) }));
    expect(ended.map(({ error }) => error)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    expect(JSON.stringify(ended)).not.toContain('secret');
  });

  test('is not made outside of a trace', async () => {
    await expect(send({ ...request, url: new URL('http://127.0.0.1:1/') })).rejects.toThrow(NoAnswer);
    expect(ended).toEqual([]);
  });

  test('is not made in a trace that the caller does not sample, and a run that it starts is told so', async () => {
    const trace = { ...newTrace(), spanId: 'b'.repeat(16), isSampled: false };
    const started: unknown[] = [];
    const start = () =>
      traceStarts.start?.({ workflowType: 'CanaryRelease', headers: {}, options: {} } as never, async ({ headers }) => {
        started.push(defaultPayloadConverter.fromPayload(headers[TRACE_HEADER] as Payload));
        return 'run';
      });
    await inTrace(
      (one) => void ended.push(one),
      trace,
      { name: 'test' },
      () => inSpan({ name: 'x' }, async () => start()),
    );
    expect(ended).toEqual([]);
    expect(started).toEqual([{ traceparent: `00-${trace.traceId}-${trace.spanId}-00` }]);
  });
});
