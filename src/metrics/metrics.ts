import { type LabelsOf, METRICS, type MetricName, type MetricRow, type NameOf } from './table.js';

/** Value of a gauge with its labels, `gate` included. */
export interface Sample {
  name: NameOf<'gauge'>;
  labels: Record<string, string>;
  value: number;
}

type Labels<N extends MetricName> = LabelsOf<N> & { gate?: string };

interface Distribution {
  /** Observations of each bucket alone; one more for those above all bounds. */
  counts: number[];
  sum: number;
}

/**
 * What this process counted since it started: by hand, for the SDK names each count by the activity that made it, and cannot forget a gauge.
 * A series is kept under its labels as they are told: a worker of 1,000 gates has 120,000.
 */
export class Metrics {
  readonly #counters = new Map<MetricName, Map<string, number>>();
  readonly #histograms = new Map<MetricName, Map<string, Distribution>>();

  /** Adds to a counter; 0 creates it. */
  count<N extends NameOf<'counter'>>(name: N, labels: Labels<N>, by = 1): void {
    const family = familyOf(this.#counters, name);
    const series = labelText(name, labels);
    family.set(series, (family.get(series) ?? 0) + by);
  }

  /** Adds an observation to a histogram. */
  observe<N extends NameOf<'histogram'>>(name: N, labels: Labels<N>, value: number): void {
    const { buckets } = METRICS[name];
    const family = familyOf(this.#histograms, name);
    const series = labelText(name, labels);
    const known = family.get(series) ?? { counts: [...buckets, Number.POSITIVE_INFINITY].map(() => 0), sum: 0 };
    const at = buckets.findIndex((bound) => value <= bound);
    const index = at < 0 ? buckets.length : at;
    known.counts[index] = (known.counts[index] ?? 0) + 1;
    known.sum += value;
    family.set(series, known);
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
      return gauges
        .filter((one) => one.name === name)
        .map(({ labels, value }) => line(name, labelText(name, labels), value));
    if (kind === 'counter')
      return [...(this.#counters.get(name) ?? [])].map(([labels, value]) => line(name, labels, value));
    return [...(this.#histograms.get(name) ?? [])].flatMap(([labels, { counts, sum }]) => {
      let total = 0;
      const below = [...buckets.map(String), '+Inf'].map((le, index) => {
        total += counts[index] ?? 0;
        return line(`${name}_bucket`, `${labels === '' ? '' : `${labels},`}le="${le}"`, total);
      });
      return [...below, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)];
    });
  }
}

/** The metrics of this process. */
export const metrics = new Metrics();

function familyOf<S>(all: Map<MetricName, Map<string, S>>, name: MetricName): Map<string, S> {
  const family = all.get(name) ?? new Map<string, S>();
  all.set(name, family);
  return family;
}

/** Labels as the text format has them, in the order of the table, `gate` first. */
function labelText(name: MetricName, labels: Record<string, string>): string {
  return ['gate', ...METRICS[name].labels]
    .flatMap((label) => (labels[label] === undefined ? [] : [`${label}="${escaped(labels[label])}"`]))
    .join(',');
}

const line = (name: string, labels: string, value: number) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`;

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
