import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Io } from '../../src/cli/command.js';
import { main } from '../../src/cli/main.js';
import { printAnswer } from '../../src/cli/print/answer.js';
import { junit } from '../../src/cli/print/junit.js';
import { historyLines, queueLines } from '../../src/cli/print/lane.js';
import { printTenant } from '../../src/cli/print/smoke.js';
import { overviewLines, runStatusLines } from '../../src/cli/print/status.js';
import { printLines, safeIo } from '../../src/cli/safe-io.js';
import { findingLines } from '../../src/doctor/lines.js';
import { historyOf } from '../../src/lane/view.js';
import { annotations } from '../../src/report/annotations.js';
import { renderReport } from '../../src/report/render.js';
import { lineOf } from '../../workers/log.js';
import { NOON } from '../lane/lane-support.js';
import { hostileText, UNPRINTABLE } from '../support/hostile-text.js';
import { runs } from '../support/rows.js';
import { checkOf, laneOf, overviewOf, rejected, statusOf } from './support.js';

/** Lines that reach the screen. */
function screen(use: (io: Io) => void): string[] {
  const lines: string[] = [];
  use(safeIo(terminal(lines)));
  return lines;
}

const terminal = (lines: string[]) => ({
  env: {},
  out: (line: string) => void lines.push(line),
  err: (line: string) => void lines.push(line),
  input: async () => '',
  signal: new AbortController().signal,
});

const given = { args: [], options: {} };
/** Each screen of the command line, with one text wherever others choose it. */
const SCREENS: [name: string, print: (io: Io, text: string) => void][] = [
  ['the overview', (io, text) => overviewLines(overviewOf(text), NOON).forEach(io.out)],
  ['the status of a run', (io, text) => runStatusLines(text, statusOf(text), NOON).forEach(io.out)],
  ['the queue', (io, text) => queueLines(overviewOf(text).lane as never, NOON).forEach(io.out)],
  ['the history', (io, text) => historyLines(historyOf(laneOf(text).ledger, 10)).forEach(io.out)],
  [
    'what doctor finds',
    (io, text) => findingLines([{ area: 'lane', level: 'stops', what: text, fix: text }]).forEach(io.out),
  ],
  ['an answer', (io, text) => printAnswer({ taken: false, answer: text }, {}, given, io)],
  ['smoke', (io, text) => printTenant({ tenant: text, checks: [checkOf(text)] }, text, io)],
  ['a report', (io, text) => printLines(io.out, renderReport(rejected(text), {}, { answers: true }))],
  ['JSON', (io, text) => io.out(JSON.stringify(overviewOf(text)))],
];

describe.each(SCREENS)('%s', (_name, print) => {
  test('shows texts of others within their lines, without anything that a screen or a runner acts on', () => {
    const lines = screen((io) => print(io, 'words')).length;
    fc.assert(
      fc.property(hostileText, (text) => {
        // Lists count what they leave out, so an empty text may leave a line out.
        const shown = screen((io) => print(io, `x${text}`));
        expect(shown).toHaveLength(lines);
        for (const line of shown) {
          expect(line).not.toMatch(UNPRINTABLE);
          expect(line.trimStart().startsWith('::')).toBe(false);
        }
      }),
      { numRuns: runs(50, 10) },
    );
  });
});

test('an annotation is the one line that begins with two colons, and carries no second command', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const shown = screen((io) => annotations(rejected(text)).forEach(io.command));
      expect(shown).toHaveLength(2);
      for (const line of shown) {
        expect(line).toMatch(/^::error title=[^:,]*::/);
        expect(line).not.toMatch(UNPRINTABLE);
      }
    }),
  );
});

test('arguments that no one understands are repeated in one line', async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, async (text) => {
      for (const args of [[`x${text}`], ['release', text, `--x${text}`], ['status', `x${text}`]]) {
        const lines: string[] = [];
        expect(await main(args, terminal(lines))).toBe(2);
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(UNPRINTABLE);
      }
    }),
    { numRuns: runs(30, 10) },
  );
});

test('a prompt is made printable, too', async () => {
  const asked: string[] = [];
  const ask = async (question: string) => `${asked.push(question)}`;
  await safeIo({ ...terminal([]), ask }).ask?.('back to \u001b[2K?');
  expect(asked).toEqual(['back to \\u001b[2K?']);
});

test('a JUnit file holds escapes, not characters that hide', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      for (const line of junit([{ tenant: text, checks: [checkOf(text)] }]).split('\n'))
        expect(line).not.toMatch(UNPRINTABLE);
    }),
  );
});

describe('a line of the log of a worker', () => {
  const entry = (message: string, meta: object) => ({ level: 'INFO' as const, message, timestampNanos: 0n, meta });

  test('is one line of JSON that keeps each text', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (text, name) => {
        const line = lineOf(entry(text, { why: text, [`x${name}`]: text, error: new Error(text) }) as never);
        expect(line).not.toMatch(UNPRINTABLE);
        expect(JSON.parse(line)).toMatchObject({
          level: 'INFO',
          message: JSON.parse(JSON.stringify(text)),
          why: JSON.parse(JSON.stringify(text)),
        });
      }),
    );
  });

  test('keeps its level and message beside fields of these names, and is printed whatever a field is', () => {
    const circle: Record<string, unknown> = { level: 'x', message: 'y' };
    expect(JSON.parse(lineOf(entry('real', circle) as never))).toMatchObject({ level: 'INFO', message: 'real' });
    circle.self = circle;
    expect(JSON.parse(lineOf(entry('real', circle) as never))).toMatchObject({ level: 'INFO', message: 'real' });
  });
});
