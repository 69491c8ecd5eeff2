import { InvalidInput, shown } from '../contract/brand.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h)$/;
/** 30 days: longer than any wait here, and below the limits of a timer. */
const MAX_MS = 30 * 24 * UNITS.h;

/** Parses a duration, `500ms`, `60s`, `6m`, `72h` or `0`, into milliseconds.
 * @throws {InvalidInput} */
export function parseDuration(text: unknown): number {
  if (text === '0') return 0;
  const match = typeof text === 'string' ? DURATION.exec(text) : null;
  const ms = match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : Number.NaN;
  if (ms <= MAX_MS) return ms;
  throw new InvalidInput(
    match
      ? `invalid duration ${shown(text)}: expected at most 720h`
      : `invalid duration ${shown(text)}: expected e.g. 6m or 30s`,
  );
}

/** The shortest exact form of a duration in ms: 360000 is `6m`, 1500 is `1500ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  const unit = (['h', 'm', 's'] as const).find((name) => ms % UNITS[name] === 0) ?? 'ms';
  return `${ms / UNITS[unit]}${unit}`;
}

/** A duration in ms, rounded to its two largest units. */
export function rounded(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${formatDuration(minutes * 60_000)}${seconds % 60 > 0 ? ` ${seconds % 60}s` : ''}`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
