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

type Headers = Record<string, string | string[] | undefined>;

/**
 * Pause that an answer asks for, in milliseconds: from its header (seconds, or a date by the clock of the server, as `dateOf`), else from its
 * message. Undefined if it asks for none; never throws.
 */
export function retryAfterMs(headers: Headers, message = ''): number | undefined {
  const text = first(headers['retry-after']);
  const ms = text === undefined ? undefined : (secondsMs(text) ?? goDurationMs(text) ?? pauseUntil(text, headers));
  const pause = ms ?? goDurationMs(IN_MESSAGE.exec(message)?.[1]?.replace(/[.]+$/, ''));
  return pause === undefined ? undefined : Math.min(Math.max(0, Math.ceil(pause)), MAX_MS);
}

const secondsMs = (text: string) => (/^\d{1,10}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined);

/** When the server answered, by its own clock, epoch in milliseconds; by that of this machine if the answer has no date. */
export const dateOf = ({ date }: Headers): number => parseDate(first(date) ?? '') ?? Date.now();

function pauseUntil(text: string, headers: Headers): number | undefined {
  const at = parseDate(text);
  return at === undefined ? undefined : at - dateOf(headers);
}

function parseDate(text: string): number | undefined {
  // An HTTP date has a weekday; Date.parse alone would accept far more.
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

const first = (header: string | string[] | undefined): string | undefined => [header ?? []].flat()[0]?.trim();

/** Milliseconds of a duration as Go prints it, e.g. `1h2m3.5s`. */
export function goDurationMs(text: string | undefined): number | undefined {
  if (text === undefined || !GO_DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(GO_PART)) ms += Number(amount) * (UNITS[unit] ?? 0);
  return ms;
}
