import { describe, expect, test } from 'vitest';
import { Metrics } from '../../src/metrics/metrics.js';
import { KNOWN, METRICS, type MetricName } from '../../src/metrics/table.js';
import { watchProcess } from '../../workers/collector/process.js';
import { until } from '../support/until.js';

const samplesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('metrics', () => {
  test('tell a counter that is created at 0, and what was added to it since', () => {
    const metrics = new Metrics();
    metrics.count('canary_alarms_total', { alarm: 'move-split' }, 0);
    expect(samplesOf(metrics.render())).toEqual(['canary_alarms_total{alarm="move-split"} 0']);
    metrics.count('canary_alarms_total', { alarm: 'move-split' });
    metrics.count('canary_alarms_total', { gate: 'pay', alarm: 'move-split' });
    expect(metrics.render()).toBe(
      [
        '# HELP canary_alarms_total Alarms.',
        '# TYPE canary_alarms_total counter',
        'canary_alarms_total{alarm="move-split"} 1',
        'canary_alarms_total{gate="pay",alarm="move-split"} 1',
        '',
      ].join('\n'),
    );
  });

  test('tell one series for the same labels, in whatever order they came', () => {
    const metrics = new Metrics();
    metrics.count('canary_moves_total', { gate: 'pay', kind: 'promotion', result: 'moved' });
    metrics.count('canary_moves_total', { result: 'moved', kind: 'promotion', gate: 'pay' });
    expect(samplesOf(metrics.render())).toEqual(['canary_moves_total{gate="pay",kind="promotion",result="moved"} 2']);
  });

  test('tell a histogram by buckets that include the smaller ones, with sum and count', () => {
    const metrics = new Metrics();
    for (const seconds of [0.5, 1.5, 400]) metrics.observe('canary_pair_split_seconds', { kind: 'promotion' }, seconds);
    const lines = samplesOf(metrics.render());
    const bucket = (le: string) => lines.find((line) => line.includes(`le="${le}"`))?.split(' ')[1];
    expect(['0.5', '1', '2', '300', '+Inf'].map(bucket)).toEqual(['1', '1', '2', '2', '3']);
    expect(lines).toContain('canary_pair_split_seconds_sum{kind="promotion"} 402');
    expect(lines).toContain('canary_pair_split_seconds_count{kind="promotion"} 3');
  });

  test('tell gauges as they were seen, and none that was not', () => {
    const metrics = new Metrics();
    const seen = { name: 'canary_waiting', labels: { hold: 'approval' }, value: 1 } as const;
    expect(samplesOf(metrics.render([seen]))).toEqual(['canary_waiting{hold="approval"} 1']);
    expect(metrics.render()).toBe('');
  });

  test('keep each sample on a line of its own, whatever a label contains', () => {
    const metrics = new Metrics();
    metrics.observe('canary_check_latency_seconds', { check: 'a "b"\nevil_total 1 \\' }, 1);
    const lines = samplesOf(metrics.render());
    expect(lines.every((line) => line.startsWith('canary_check_latency_seconds'))).toBe(true);
    expect(lines.at(-1)).toBe('canary_check_latency_seconds_count{check="a \\"b\\"\\nevil_total 1 \\\\"} 1');
  });
});

describe('the metrics of the process', () => {
  const sampleIn = (text: string, name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  const rendered = (gauges: ReturnType<typeof watchProcess>) => new Metrics().render(gauges());
  const block = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; );
  };

  test('tell its memory as it is now', () => {
    const text = rendered(watchProcess());
    const { rss, heapUsed } = process.memoryUsage();
    expect(sampleIn(text, 'canary_resident_memory_bytes') / rss).toBeCloseTo(1, 0);
    expect(sampleIn(text, 'canary_heap_used_bytes') / heapUsed).toBeCloseTo(1, 0);
  });

  test('tell how late its event loop ran since the scrape before, and nothing of what was told', async () => {
    const gauges = watchProcess();
    const late = () => sampleIn(rendered(gauges), 'canary_event_loop_delay_seconds');
    let turn = 0;
    // The loop is measured between two turns: one before it is blocked, and one after.
    await until('a late turn is measured', () => {
      turn = (turn + 1) % 3;
      if (turn === 1) block(300);
      return turn === 2 && late() > 0.2;
    });
    expect(late()).toBe(0);
  });
});

describe('the table of metrics', () => {
  test('names each as Prometheus does: counters end in _total, and nothing else does', () => {
    for (const [name, { kind }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^canary_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter']);
    }
  });

  test.each(Object.entries(KNOWN))('knows values of every label of %s', (name, known) => {
    for (const labels of known)
      expect(Object.keys(labels).sort()).toEqual([...METRICS[name as MetricName].labels].sort());
  });
});
