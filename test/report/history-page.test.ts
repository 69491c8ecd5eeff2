import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { figuresOf, median } from '../../src/report/html/figures.js';
import { historyPage } from '../../src/report/html/history-page.js';
import { days, THEN } from '../support/history-page.js';
import { hostileText, UNPRINTABLE } from '../support/hostile-text.js';
import { minute } from '../support/release-page.js';

const { runs, history } = days();
const pageOf = (given = days(), now = THEN) => historyPage('eu', given.runs, given.history, { now });
const tagsOf = (page: string) => [...page.matchAll(/<(\/?[a-z][\w:-]*)/gi)].map(([, name]) => name);

describe('the figures of a history', () => {
  test('are those that a person computes from the ledger, each with how', () => {
    const figures = figuresOf(runs, Date.parse(minute(0)), THEN);
    expect(Object.fromEntries(figures.map(({ name, value }) => [name, value]))).toEqual({
      // Builds 1, 2 and 4 in three days.
      'Deployment frequency': '1.0 a day',
      // 20, 30 and 160 minutes.
      'Lead time, median': '30m',
      'Change failure rate': '33 %',
      'Time to restore, median': '2m',
      // Build 3 of four.
      'Share RED': '25 %',
      'Waiting for people': '2h 0m',
    });
    for (const { how } of figures) expect(how.length).toBeGreaterThan(20);
    const promotions = history.filter(({ kind }) => kind === 'promotion').length;
    expect(figures[0]?.how).toContain(`${promotions} promotions`);
  });

  test('are none without runs, and never a number of nothing', () => {
    const values = figuresOf([], THEN, THEN).map(({ value }) => value);
    expect(values).toEqual(['0.0 a day', 'none', 'none', 'none', 'none', 'none']);
  });

  test('take the middle of two as the median of an even number', () => {
    expect([median([3, 1]), median([5]), median([])]).toEqual([2, 5, null]);
  });
});

describe('the page of a history', () => {
  test('has a bar for each run, and :latest through the runs that moved it', () => {
    const page = pageOf();
    expect(page.match(/href="#run-\d+" aria-label/g)?.length).toBe(5);
    // Down to build 2, back to the rollback to build 1, down to build 4.
    const [, path = ''] = /class="live" d="([^"]+)"/.exec(page) ?? [];
    const rows = [...path.matchAll(/(?:M[\d.]+ |V)([\d.]+)/g)].map(([, y]) => (Number(y) - 51) / 24);
    expect(rows).toEqual([0, 1, 2, 4]);
    expect(page).toContain('release 3333333: CanaryRejected, 15m');
  });

  test('leads every link to a place that is there, and asks for nothing', () => {
    const page = pageOf();
    for (const [, id] of page.matchAll(/href="#([^"]*)"/g)) expect(page).toContain(`id="${id}"`);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|\bsrc=|href="[^#]/);
  });

  test('makes no markup of what a person wrote', () => {
    const tags = tagsOf(pageOf(days('x', 'x')));
    const text = fc.oneof(fc.constantFrom('<script>', '"><img src=x>', "' onload='x", '</svg>'), hostileText);
    fc.assert(
      fc.property(text, text, (by, reason) => {
        const page = pageOf(days(by, reason));
        expect(tagsOf(page)).toEqual(tags);
        expect(page.replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
      }),
      { numRuns: 100 },
    );
  });

  test('of a gate that has released nothing says so', () => {
    const page = historyPage('', [], [], { now: THEN });
    expect(page).toContain('No run has ended yet.');
    expect(page).not.toContain('<svg');
  });
});
