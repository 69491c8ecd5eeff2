import { expect, test } from 'vitest';
import { files, sourceOf } from './imports.js';

/** Files that reckon with the time of the machine, and what wrote down the other time. All else is measured by `performance.now()`. */
const WRITTEN_BY_OTHERS: Record<string, string> = {
  'activities/move.ts': 'the attempt before, on any machine',
  'activities/sinks/deliver.ts': 'the run of an event, and Temporal',
  'src/doctor/latest.ts': 'the lane',
  'src/doctor/registry.ts': 'the lane',
  'src/net/certificate-fault.ts': 'a certificate',
  'src/notify/github/app-token.ts': 'GitHub',
  'src/notify/github/client.ts': 'GitHub',
  'src/registry/auth/token.ts': 'the server of tokens',
  'src/temporal/deliveries/lost-events.ts': 'the run of an event',
  'src/temporal/faults/wrong-clock.ts': 'Temporal',
  'src/temporal/lane-view.ts': 'Temporal',
  'src/temporal/production.ts': 'Temporal',
  'src/temporal/transport/bounded-calls.ts': 'no one: a deadline of gRPC is a date',
};

/** Lines that add to the time of the machine, or compare it; not the deadline of a call, which gRPC has as a date. */
const reckoningsIn = (source: string): string[] =>
  source
    .replaceAll(/withDeadline\(Date\.now\(\) \+/g, '')
    .split('\n')
    .filter((line) => /Date\.now\(\)(?: \/ 1000)? *[-+<>]|[-+<>]=? *Date\.now\(\)/.test(line));

test('how long something takes is not measured by a clock that may be set', () => {
  const product = files.filter((file) => /^(?:activities|src|workers)\/.*\.ts$/.test(file));
  expect(product.length).toBeGreaterThan(300);
  const reckoning = product.filter((file) => reckoningsIn(sourceOf(file)).length > 0);
  expect(reckoning).toEqual(Object.keys(WRITTEN_BY_OTHERS));
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
