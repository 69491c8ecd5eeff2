import { expect, test } from 'vitest';
import { DECISION_REFUSED, FAILURE_TYPES, SINK_FAILED } from '../../src/contract/failures.js';
import { WORKFLOWS } from '../../src/contract/ids.js';
import * as messages from '../../src/contract/messages.js';
import { files, sourceOf } from './imports.js';

const either = (names: Iterable<string>) => [...new Set(names)].join('|');
const MESSAGES = [
  ...Object.values<unknown>(messages).flatMap((one) => String(Object(one).name ?? '') || []),
  ...messages.LANE_COMMANDS,
].filter((name) => typeof name === 'string' && /^[a-z-]+$/.test(name));

/**
 * Where a name of the wire may not be written down. A word that people use too (`approve`, `status`) is a name of the wire only in a
 * call that sends or handles a message. A failure type is checked by the compiler where `FailureType` is expected, and so is one
 * that says `satisfies FailureType`; Temporal's own functions, and the type of any failure, take every string.
 */
const FORBIDDEN: Record<string, RegExp> = {
  'a workflow type': new RegExp(`(['"])(?:${either(Object.values(WORKFLOWS))})\\1`, 'g'),
  'a failure type that ends no run': new RegExp(`(['"])(?:${either([DECISION_REFUSED, SINK_FAILED])})\\1`, 'g'),
  'a failure type that the compiler does not check': new RegExp(
    `(?:ApplicationFailure\\.\\w+\\([^;]*?|\\btype [!=]==? \\(?)'(?:${either(Object.keys(FAILURE_TYPES))})'(?! satisfies FailureType)`,
    'g',
  ),
  'the name of a message': new RegExp(`(['"])(?:${either(MESSAGES.filter((name) => name.includes('-')))})\\1`, 'g'),
  'the name of a message in a call': new RegExp(
    `\\b(?:query|signal|signalWithStart|executeUpdate\\w*|startUpdate\\w*|setHandler|define(?:Query|Signal|Update))(?:<[^(]*>)?\\(\\s*(['"])(?:${either(MESSAGES)})\\1`,
    'g',
  ),
};

const PRODUCT = /^(?:src\/(?!contract\/)|workflows\/|activities\/|workers\/).*\.ts$/;

function writtenIn(source: string): string[] {
  return Object.entries(FORBIDDEN).flatMap(([what, pattern]) =>
    [...source.matchAll(pattern)].map(([found]) => `${what}: ${found.replace(/\s+/g, ' ')}`),
  );
}

test('names of the wire are written down in src/contract alone', () => {
  const found = files
    .filter((file) => PRODUCT.test(file))
    .flatMap((file) => writtenIn(sourceOf(file)).map((what) => `${file}: ${what}`));
  expect(found).toEqual([]);
});

test.each([
  `event.workflow === 'CanaryRelease'`,
  `type: 'SinkFailed',`,
  `ApplicationFailure.nonRetryable(\n  message,\n  'MoveRefused',\n)`,
  `if (cause.type === 'MoveRefused') return [];`,
  `handle.signal('join-queue', request)`,
  `handle.query<Status>('status')`,
])('a name that is written down is found: %s', (source) => {
  expect(writtenIn(source)).toHaveLength(source.includes('-') ? 2 : 1);
});

test.each([
  `throw failure('MoveRefused', why)`,
  `ApplicationFailure.nonRetryable(message, 'MoveRefused' satisfies FailureType)`,
  `if (faultOf(failure) === 'TimedOut') return;`,
  `verb === 'approve'`,
])('what the compiler checks, and a word of people, is not: %s', (source) => {
  expect(writtenIn(source)).toEqual([]);
});
