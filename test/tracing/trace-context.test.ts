import { describe, expect, test } from 'vitest';
import { carrierOf, parseCarrier, parseTraceparent, spanOfRun, traceOfRun } from '../../src/domain/payloads/trace.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const RUN = '0199c1de-8a3f-7c51-9f64-0c5c1d2e3f40';

describe('a traceparent', () => {
  test('is read with its flag, also in a later version that has more', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.isSampled).toBe(false);
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-later`)?.isSampled).toBe(true);
  });

  test.each([
    ['another type', 7],
    ['nothing', undefined],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['the invalid version', `ff-${TRACE}-${SPAN}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a line break', `00-${TRACE}-${SPAN}-01\n`],
    ['a megabyte', `00-${TRACE}-${SPAN}-01-${'x'.repeat(1_000_000)}`],
  ])('is refused if it is %s', (_what, sent) => {
    expect(parseTraceparent(sent)).toBeNull();
  });
});

describe('what a run hands on', () => {
  const start = { traceparent: `00-${TRACE}-${SPAN}-01` };

  test('is its own span within the trace of its start, and what that span is part of', () => {
    const carrier = carrierOf(start, { workflowType: 'CanaryRelease', runId: RUN });
    expect(carrier).toEqual({ traceparent: `00-${TRACE}-9f640c5c1d2e3f40-01`, 'canary-parent': SPAN });
    expect(parseCarrier(carrier)).toEqual({ traceId: TRACE, spanId: spanOfRun(RUN), isSampled: true, parent: SPAN });
  });

  test('is what it got, if no event tells its span', () => {
    expect(carrierOf(start, { workflowType: 'MoveLatest', runId: RUN })).toEqual(start);
  });

  test('is nothing if it was started with anything else, so that no stranger fills the history', () => {
    for (const sent of [null, 'text', {}, { traceparent: 'x'.repeat(100) }, { traceparent: {} }])
      expect(carrierOf(sent, { workflowType: 'CanaryRelease', runId: RUN })).toBeNull();
  });

  test('has the trace that its run id names, if it was started without one', () => {
    expect(parseTraceparent(`00-${traceOfRun(RUN)}-${spanOfRun(RUN)}-01`)).not.toBeNull();
  });
});
