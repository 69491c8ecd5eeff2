import { describe, expect, test } from 'vitest';
import { files, sourceOf } from './imports.js';

const workflows = files.filter((file) => file.startsWith('workflows/')).map((file) => ({ file, text: sourceOf(file) }));
const OPTIONS = 'workflows/shared/activity-options.ts';

/** Calls of a function, from its name to the closing parenthesis. */
function callsOf(name: string, text: string): string[] {
  return [...text.matchAll(new RegExp(`(?<![\\w.])${name}(?:<\\w+>)?\\(`, 'g'))].map(({ index, 0: start }) => {
    let depth = 1;
    let end = index + start.length;
    for (; depth > 0 && end < text.length; end += 1) depth += { '(': 1, ')': -1 }[text[end] as '('] ?? 0;
    return text.slice(index, end);
  });
}

describe('the timeline of the Temporal UI', () => {
  test('names each timer for people', () => {
    const nameless = workflows.flatMap(({ file, text }) =>
      callsOf('sleep', text)
        .filter((call) => !/summary: |SETTLE/.test(call))
        .map((call) => `${file}: ${call}`),
    );
    expect(nameless).toEqual([]);
    expect(callsOf('sleep', 'await sleep(Math.max(1, until - now()), SETTLE);')).toEqual([
      'sleep(Math.max(1, until - now()), SETTLE)',
    ]);
  });

  test('names each activity for people: only the summary of a smoke, which has the name of its tenant, is given at the call', () => {
    const text = sourceOf(OPTIONS);
    const makers = ['proxyActivities', 'onMoveQueue', 'onWaitQueue'];
    const nameless = makers.flatMap((name) => callsOf(name, text).filter((call) => !/\bsummary\b/.test(call)));
    // The two that take the options of another maker, and the smokes.
    expect(nameless.map((call) => call.replaceAll(/\s+/g, ' '))).toEqual([
      'proxyActivities<ReleaseActivities>(smokeOptions(plan))',
      expect.stringMatching(/^proxyActivities<MoveQueueActivities>\(\{ \.\.\.options, taskQueue/),
      expect.stringMatching(/^proxyActivities<WaitActivities>\(\{ \.\.\.options, taskQueue/),
    ]);
  });

  test('has words, not names of the code', () => {
    const makers = [...sourceOf(OPTIONS).matchAll(/^export const (\w+) = \([^)]*summary: string/gm)].map(
      ([, name]) => name,
    );
    expect(makers.length).toBeGreaterThan(8);
    const summaries = workflows.flatMap(({ text }) => [
      ...[...text.matchAll(/summary: ['`]([^'`]+)['`]/gi)].map(([, summary = '']) => summary),
      ...makers.flatMap((name) =>
        callsOf(name ?? '', text).flatMap((call) =>
          [...call.matchAll(/['`]([a-z][^'`]* [^'`]+)['`]/g)].map(([, summary = '']) => summary),
        ),
      ),
    ]);
    expect(summaries.length).toBeGreaterThan(25);
    const words = summaries.map((summary) => summary.replaceAll(/\$\{[^}]*\}/g, ''));
    expect(words.filter((summary) => /[a-z][A-Z]|_|\b\w+-\w+-\w+\b/.test(summary))).toEqual([]);
  });
});
