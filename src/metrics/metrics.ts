import { type LabelsOf, METRICS, type MetricName, type MetricRow, type NameOf } from './table.js';

/** Value of a gauge with its labels, `gate` included. */
export interface Sample {
  name: NameOf<'gauge'>;
  labels: Record<string, string>;
  value: number;
}

type Labels<N extends MetricName> = LabelsOf<N> & { gate?: string };

interface Series {
  labels: Record<string, string>;
  value: number;
}

interface Distribution {
  labels: Record<string, string>;
  /** Observations of each bucket alone; one more for those above all bounds. */
  counts: number[];
  sum: number;
}

/** What this process counted since it started: by hand, for the SDK names each count by the activity that made it, and cannot forget a gauge. */
export class Metrics {
  readonly #counters = new Map<MetricName, Map<string, Series>>();
  readonly #histograms = new Map<MetricName, Map<string, Distribution>>();

  /** Adds to a counter; 0 creates it. */
  count<N extends NameOf<'counter'>>(name: N, labels: Labels<N>, by = 1): void {
    const series = seriesOf(this.#counters, name, labels, () => ({ labels, value: 0 }));
    series.value += by;
  }

  /** Adds an observation to a histogram. */
  observe<N extends NameOf<'histogram'>>(name: N, labels: Labels<N>, value: number): void {
    const { buckets } = METRICS[name];
    const series = seriesOf(this.#histograms, name, labels, () => ({
      labels,
      counts: [...buckets, Number.POSITIVE_INFINITY].map(() => 0),
      sum: 0,
    }));
    const at = buckets.findIndex((bound) => value <= bound);
    const index = at < 0 ? buckets.length : at;
    series.counts[index] = (series.counts[index] ?? 0) + 1;
    series.sum += value;
  }

  /** All of it and the gauges, in the text format of Prometheus, 0.0.4. */
  render(gauges: readonly Sample[] = []): string {
    return (Object.entries(METRICS) as [MetricName, MetricRow][])
      .map(([name, row]) => {
        const lines = this.#linesOf(name, row, gauges);
        return lines.length === 0
          ? ''
          : [`# HELP ${name} ${row.meaning}.`, `# TYPE ${name} ${row.kind}`, ...lines, ''].join('\n');
      })
      .join('');
  }

  #linesOf(name: MetricName, { kind, buckets = [] }: MetricRow, gauges: readonly Sample[]): string[] {
    if (kind === 'gauge')
      return gauges.filter((one) => one.name === name).map((one) => line(name, one.labels, one.value));
    if (kind === 'counter')
      return [...(this.#counters.get(name)?.values() ?? [])].map(({ labels, value }) => line(name, labels, value));
    return [...(this.#histograms.get(name)?.values() ?? [])].flatMap(({ labels, counts, sum }) => {
      let total = 0;
      const below = [...buckets.map(String), '+Inf'].map((le, index) => {
        total += counts[index] ?? 0;
        return line(`${name}_bucket`, { ...labels, le }, total);
      });
      return [...below, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)];
    });
  }
}

/** The metrics of this process. */
export const metrics = new Metrics();

function seriesOf<S>(
  all: Map<MetricName, Map<string, S>>,
  name: MetricName,
  labels: Record<string, string>,
  create: () => S,
): S {
  const family = all.get(name) ?? new Map<string, S>();
  all.set(name, family);
  const key = JSON.stringify(Object.entries(labels).sort());
  const series = family.get(key) ?? create();
  family.set(key, series);
  return series;
}

function line(name: string, labels: Record<string, string>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
