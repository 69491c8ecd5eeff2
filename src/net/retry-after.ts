/** Longest pause, in milliseconds, whatever a header asks for. */
const MAX_MS = 15 * 60_000;

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const GO_DURATION = /^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_PART = /(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|s|m|h)/g;
/** GHCR sends no header, but `retry-after: 880.092µs, allowed: 44000/minute` in its body. */
const IN_MESSAGE = /retry-after:\s*([0-9.a-zµμ]{1,40})/i;

/** Pause that an answer asks for, in milliseconds: from its header (seconds or a date), else from its message. Undefined if it asks for none; never throws. */
export function retryAfterMs(
  header: string | string[] | undefined,
  message = '',
  now: number = Date.now(),
): number | undefined {
  const text = [header ?? []].flat()[0]?.trim();
  const ms = text === undefined ? undefined : (secondsMs(text) ?? goDurationMs(text) ?? dateMs(text, now));
  const pause = ms ?? goDurationMs(IN_MESSAGE.exec(message)?.[1]?.replace(/[.]+$/, ''));
  return pause === undefined ? undefined : Math.min(Math.max(0, Math.ceil(pause)), MAX_MS);
}

const secondsMs = (text: string) => (/^\d{1,10}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined);

function dateMs(text: string, now: number): number | undefined {
  // An HTTP date has a weekday; Date.parse alone would accept far more.
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at - now;
}

/** Milliseconds of a duration as Go prints it, e.g. `1h2m3.5s`. */
export function goDurationMs(text: string | undefined): number | undefined {
  if (text === undefined || !GO_DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(GO_PART)) ms += Number(amount) * (UNITS[unit] ?? 0);
  return ms;
}
