import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { ALARMS } from '../../src/contract/events.js';
import { HOLDS } from '../../src/contract/hold.js';
import { LIFTS } from '../../src/lane/view.js';
import { KNOWN_RESULTS, METRICS, type MetricRow, OPEN_ALARMS } from '../../src/metrics/table.js';
import { repositoryRoot, tool } from '../../testbed/tools.js';

const prometheus = join(repositoryRoot, 'deploy', 'prometheus');
const textOf = (...path: string[]) => readFileSync(join(repositoryRoot, 'deploy', ...path), 'utf8');
const promtool = tool('promtool');

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description?: string; runbook: string };
}
const rules = (parse(textOf('prometheus', 'canary-rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  id: number;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { expr: string; legendFormat: string }[];
}
const panels = (JSON.parse(textOf('grafana', 'canary.json')) as { panels: Panel[] }).panels;

const TABLE: Record<string, MetricRow> = METRICS;
/** Series of a metric: a histogram has those of its buckets, its sum and its count. */
const SERIES = new Map<string, readonly string[]>(
  Object.entries(TABLE).flatMap(([name, { kind, labels }]): [string, string[]][] =>
    kind === 'histogram'
      ? [
          [`${name}_bucket`, [...labels, 'le']],
          [`${name}_sum`, [...labels]],
          [`${name}_count`, [...labels]],
        ]
      : [[name, [...labels]]],
  ),
);
/** Values that a label may have, where the rules name some. */
const VALUES: Record<string, string[]> = {
  'canary_waiting.hold': [...Object.keys(HOLDS), 'paused'],
  'canary_waiting_seconds.hold': [...Object.keys(HOLDS), 'paused'],
  'canary_lane_held.hold': Object.keys(LIFTS),
  'canary_alarms_total.alarm': Object.keys(ALARMS),
  'canary_alarm_open.alarm': OPEN_ALARMS,
  'canary_deliveries_total.result': [...KNOWN_RESULTS],
};

/** What an expression selects that no worker tells: a series, a label or a value that the table does not have. */
function unknownIn(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '""');
  const names = [...bare.matchAll(/\bcanary_\w+/g)].map(([name]) => name);
  const selectors = [...expr.matchAll(/\b(canary_\w+)\{([^}]*)\}/g)];
  const grouped = [...bare.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/\s*,\s*/));
  const labels = new Set([...names.flatMap((name) => SERIES.get(name) ?? []), 'gate', '']);
  return [
    ...names.filter((name) => !SERIES.has(name)),
    ...grouped.filter((label) => !labels.has(label)),
    ...selectors.flatMap(([, name = '', given = '']) =>
      [...given.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].flatMap(([, label = '', value = '']) => {
        if (label === 'gate') return [];
        if (!SERIES.get(name)?.includes(label)) return [`${name}{${label}}`];
        const values = VALUES[`${name}.${label}`];
        return value.split('|').filter((one) => values && !values.includes(one));
      }),
    ),
  ];
}

describe('deploy/prometheus/canary-rules.yaml', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s names only what a worker tells', (_name, rule) => {
    expect(unknownIn(rule.expr)).toEqual([]);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s says what it is and where to read on', (_, rule) => {
    expect(rule.annotations.summary).toMatch(/\S/);
    expect(['page', 'ticket']).toContain(rule.labels.severity);
    expect(existsSync(join(repositoryRoot, rule.annotations.runbook))).toBe(true);
  });

  test('has a rule test for every alert', () => {
    const tested = textOf('prometheus', 'canary-rules.test.yaml');
    const untested = rules.filter(
      ({ alert }) => !tested.includes(`alertname="${alert}"`) && !tested.includes(`${alert}|`),
    );
    // It waits for a day.
    expect(untested.map(({ alert }) => alert)).toEqual(['CanaryHeldAfterRollback']);
  });

  test('notices a metric, a label and a value that no worker tells', () => {
    expect(unknownIn('max by (gate) (canary_gone)')).toEqual(['canary_gone']);
    expect(unknownIn('canary_waiting{sha="1"} > 0')).toEqual(['canary_waiting{sha}']);
    expect(unknownIn('sum by (phase) (canary_waiting)')).toEqual(['phase']);
    expect(unknownIn('canary_alarms_total{alarm="move-split|split"}')).toEqual(['split']);
  });

  test.skipIf(promtool === undefined)('fires when it should, by promtool (skipped without it)', () => {
    const run = (...args: string[]) => spawnSync(promtool?.path ?? '', args, { cwd: prometheus, encoding: 'utf8' });
    expect(run('check', 'rules', 'canary-rules.yaml')).toMatchObject({ status: 0 });
    const { status, stdout, stderr } = run('test', 'rules', 'canary-rules.test.yaml');
    expect({ status, said: stdout + stderr }).toMatchObject({ status: 0 });
  });
});

describe('deploy/grafana/canary.json', () => {
  const expressions = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));

  test.each(expressions)('%s names only what a worker tells: %s', (_title, expr) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  test('shows every metric of the table', () => {
    const shown = expressions.map(([, expr]) => expr).join('\n');
    const missing = Object.keys(METRICS).filter((name) => !new RegExp(`\\b${name}(?:_bucket)?\\b`).test(shown));
    expect(missing).toEqual([]);
  });

  test('has panels that do not overlap, each with its own id', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const overlap = (a: Panel['gridPos'], b: Panel['gridPos']) =>
      a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
    for (const [index, one] of panels.entries())
      for (const other of panels.slice(index + 1)) expect(overlap(one.gridPos, other.gridPos)).toBe(false);
  });

  test.skipIf(promtool === undefined)('has expressions that Prometheus can read (skipped without promtool)', () => {
    const groups = expressions.map(([, expr], index) => ({
      name: String(index),
      rules: [{ record: `a:${index}`, expr: expr.replaceAll('$gate', '.*') }],
    }));
    const folder = mkdtempSync(join(tmpdir(), 'canary-dashboard-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'rules.json');
    writeFileSync(file, JSON.stringify({ groups }));
    const { status, stdout, stderr } = spawnSync(promtool?.path ?? '', ['check', 'rules', file], { encoding: 'utf8' });
    expect({ status, said: stdout + stderr }).toMatchObject({ status: 0 });
  });
});

test.skipIf(promtool === undefined)(
  'what a worker tells is the text format, by promtool (skipped without it)',
  async () => {
    const { Metrics } = await import('../../src/metrics/metrics.js');
    const metrics = new Metrics();
    metrics.count('canary_alarms_total', { alarm: 'move-split' }, 0);
    metrics.observe('canary_check_latency_seconds', { check: 'a "b"\n\\' }, 0.2);
    const text = metrics.render([{ name: 'canary_waiting', labels: { hold: 'approval' }, value: 1 }]);
    const { status, stderr } = spawnSync(promtool?.path ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  },
);
