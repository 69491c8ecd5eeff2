import { expect, test } from 'vitest';
import { files, sourceOf } from './imports.js';

/** Lines that reckon with the time of the machine, and what wrote down the other time. All else is measured by `performance.now()`. */
const WRITTEN_BY_OTHERS: Record<string, string> = {
  'src/doctor/latest.ts: const isRecent = ({ at }: { at: number }) => Date.now() - at < MOVE_WAITS.recentMs;':
    'the lane',
  'src/doctor/registry.ts: if (Date.now() - (movedAt ?? 0) < KEPT_MS) return [];': 'the lane',
  "src/net/certificate-fault.ts: const ended = found && Date.parse(found.valid_to) < Date.now() ? ` on ${dateOf(found.valid_to)}` : '';":
    'a certificate',
  'src/notify/github/app-token.ts: if (known && known.token !== refused && known.until - EARLY_MS > Date.now()) return known.token;':
    'GitHub',
  "src/registry/auth/token.ts: const age = Date.now() - Date.parse(issuedAt ?? '');": 'the server of tokens',
  'src/temporal/deliveries/lost-events.ts: const since = Date.now() - MAX_AGE_MS;': 'the run of an event',
  'src/temporal/faults/server-time.ts: told.set(connection, { offset, here: Date.now() - performance.now() });':
    'no one: whether the clock was set',
  'src/temporal/faults/wrong-clock.ts: const ahead = Date.now() - time;': 'Temporal',
  'src/temporal/lane-view.ts: return (task.attempt ?? 0) > 2 || Date.now() - tsToMs(task.originalScheduledTime ?? undefined) > UNSERVED_MS;':
    'Temporal',
  'src/temporal/production.ts: if (!isStarted || Date.now() - Date.parse(since) > (await retentionMs(client))) return null;':
    'Temporal',
  'src/temporal/transport/bounded-calls.ts: return nextCall({ ...options, deadline: options.deadline ?? Date.now() + ms }) as ReturnType<Interceptor>;':
    'no one: a deadline of gRPC is a date',
};

/** Lines of activities that take the time of the machine at all: what is kept or passed on is reckoned with elsewhere. */
const OF_ACTIVITIES = [
  // Beside `performance.now()`: they differ once a machine has slept.
  'activities/fleet-watch.ts: const now = (): Instant => ({ wall: Date.now(), steady: performance.now() });',
];

/** Lines of the source that match, without the deadline of a call, which gRPC has as a date. */
const linesIn = (source: string, pattern: RegExp): string[] =>
  source
    .replaceAll(/withDeadline\(Date\.now\(\) \+/g, '')
    .split('\n')
    .filter((line) => pattern.test(line))
    .map((line) => line.trim());

/** Lines that add to the time of the machine, or compare it. */
const reckoningsIn = (source: string): string[] =>
  linesIn(source, /Date\.now\(\)(?: \/ 1000)? *[-+<>]|[-+<>]=? *Date\.now\(\)/);

const product = files.filter((file) => /^(?:activities|src|workers)\/.*\.ts$/.test(file));
const inProduct = (folder: RegExp, find: (source: string) => string[]) => {
  const found = product.filter((file) => folder.test(file));
  return [...new Set(found.flatMap((file) => find(sourceOf(file)).map((line) => `${file}: ${line}`)))];
};

test('how long something takes is not measured by a clock that may be set', () => {
  expect(product.length).toBeGreaterThan(300);
  expect(inProduct(/./, reckoningsIn)).toEqual(Object.keys(WRITTEN_BY_OTHERS));
});

test('an activity takes no time of its machine where Temporal may tell one', () => {
  expect(inProduct(/^activities\//, (source) => linesIn(source, /Date\.now\b|new Date\(\)/))).toEqual(OF_ACTIVITIES);
});

test.each([
  'for (const deadline = Date.now() + forMs; ; await sleep(POLL_MS)) {',
  'if (Date.now() >= deadline) throw error;',
  'await sleep(Math.max(0, lookedAt + POLL_MS - Date.now()));',
  'while (deadline > Date.now()) await look();',
])('%s is found', (line) => expect(reckoningsIn(line)).toEqual([line]));

test.each([
  'await client.withDeadline(Date.now() + FORCE_MS, () => send());',
  'const view = laneView(state, Date.now());',
])('%s does not count', (line) => expect(reckoningsIn(line)).toEqual([]));
