/** A stretch of time, epoch in ms. */
export interface Stretch {
  from: number;
  to: number;
}

/** From a time to a position. */
export type Scale = (at: number) => number;

/** A scale in which every stretch is at least `least` wide: a hold of days leaves room for the minutes beside it. Between two bounds it is linear. */
export function scaleOf(stretches: Stretch[], left: number, width: number, least: number): Scale {
  const bounds = [...new Set(stretches.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const gaps = bounds.slice(1).map((to, index) => to - (bounds[index] as number));
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const wide = gaps.map((gap) => Math.max(total > 0 ? (gap / total) * width : 0, Math.min(least, width / gaps.length)));
  const factor =
    width /
    Math.max(
      1,
      wide.reduce((sum, one) => sum + one, 0),
    );
  const edges = [left];
  for (const one of wide) edges.push((edges.at(-1) as number) + one * factor);
  return (at) => {
    const index = bounds.findLastIndex((bound) => bound <= at);
    if (index < 0 || bounds.length < 2) return left;
    const [from, to] = [bounds[index] as number, bounds[index + 1]];
    if (to === undefined) return edges.at(-1) as number;
    const [start, end] = [edges[index] as number, edges[index + 1] as number];
    return start + ((at - from) / (to - from)) * (end - start);
  };
}

/** Times for the marks of an axis, with room for a text between two of them. */
export function ticksOf(times: number[], scale: Scale, room: number): number[] {
  const kept: number[] = [];
  for (const at of [...new Set(times)].sort((a, b) => a - b))
    if (kept.every((other) => Math.abs(scale(other) - scale(at)) >= room)) kept.push(at);
  return kept;
}

/** A position as SVG has it. */
export const px = (value: number) => Math.round(value * 10) / 10;
