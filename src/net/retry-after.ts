/** Whatever a header says: who wants to be left alone for longer is asked sooner. */
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
/** GHCR sends no header, but says `retry-after: 880.092µs, allowed: 44000/minute` in its body. */
const IN_WORDS = /retry-after:\s*([0-9.a-zµμ]{1,40})/i;

/** How long an answer asks to be left alone, in ms: by its header (seconds or a date), else by its words. Undefined when it does not say; never throws. */
export function retryAfterMs(
  header: string | string[] | undefined,
  words = '',
  now: number = Date.now(),
): number | undefined {
  const text = [header ?? []].flat()[0]?.trim();
  const ms = text === undefined ? undefined : (secondsMs(text) ?? goDurationMs(text) ?? dateMs(text, now));
  const told = ms ?? goDurationMs(IN_WORDS.exec(words)?.[1]?.replace(/[.]+$/, ''));
  return told === undefined ? undefined : Math.min(Math.max(0, Math.ceil(told)), MAX_MS);
}

const secondsMs = (text: string) => (/^\d{1,10}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined);

function dateMs(text: string, now: number): number | undefined {
  // Without a weekday it is no HTTP date, and Date.parse would take the oddest things for one.
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at - now;
}

/** `1h2m3.5s`, as Go prints durations. */
export function goDurationMs(text: string | undefined): number | undefined {
  if (text === undefined || !GO_DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(GO_PART)) ms += Number(amount) * (UNITS[unit] ?? 0);
  return ms;
}
