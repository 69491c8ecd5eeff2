import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { releasePage } from '../../src/report/html/release-page.js';
import { scaleOf, ticksOf } from '../../src/report/html/scale.js';
import { visitsOf } from '../../src/report/html/visits.js';
import { hostileText, UNPRINTABLE } from '../support/hostile-text.js';
import { failed, record, unreported } from '../support/records.js';
import { eventful, minute, told } from '../support/release-page.js';
import { runs } from '../support/rows.js';

const production = { summary: '18 of 20 on it; behind: acme', asOf: minute(60) };
const LINKS = { ui: 'http://127.0.0.1:8233/' };

/** Elements of a page with the names of their attributes: what a browser makes of its markup. */
const elementsOf = (page: string) =>
  [...page.matchAll(/<(\/?[a-z][\w:-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, name, attributes = '']) =>
      `${name} ${[...attributes.matchAll(/([\w:-]+)="/g)].map(([, one]) => one).join(' ')}`,
  );

describe('the page of a release', () => {
  const text = releasePage(eventful(), told, { production, links: LINKS });

  test('shows each visit, hold, decision, check, interruption, the move and production', () => {
    for (const said of [
      'held: could-not-test, 23m',
      'ada retried could-not-test',
      'interrupted: canary-3 had no network',
      'could not be tested',
      ':latest is on this build, 05:42:00 UTC',
      'production: 18 of 20 on it; behind: acme',
    ])
      expect(text).toContain(said);
    expect(text.match(/aria-label="soaking, /g)?.length).toBe(2);
  });

  test('says what was measured and what was only observed', () => {
    const observed = [{ ...failed('as in production'), kind: 'drift' as const, measured: 'not as on 3 of 9: flags' }];
    const page = releasePage(record({ tenants: [{ tenant: 'canary-1', checks: [failed('a')], observed }] }), []);
    const rows = page.slice(page.indexOf('Measured and compared'));
    for (const said of ['as in production', '✗ failed', 'not as on 3 of 9: flags', 'no, observed only'])
      expect(rows).toContain(said);
    expect(page).not.toContain('answer of the tenant');
  });

  test('says in tables all that the picture shows', () => {
    const tables = text.slice(text.indexOf('</svg>'));
    for (const said of ['7. held: could-not-test', '>retried<', '>canary-2<', '✗ failed', '2026-11-25 05:09:00'])
      expect(tables).toContain(said);
  });

  test('asks for nothing from elsewhere, and has no script', () => {
    expect(text).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|\bsrc=|@import|\bon\w+=|<link|<iframe|url\((?!#)/i);
    const links = [...text.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href);
    expect(links.filter((href) => !href.startsWith('#') && !href.startsWith('http://127.0.0.1:8233/'))).toEqual([]);
  });

  test('leads every link to a place that is there', () => {
    for (const [, id] of text.matchAll(/href="#([^"]*)"/g)) expect(text).toContain(`id="${id}"`);
    const ids = [...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('makes no markup of what a person or a tenant wrote', () => {
    const elements = elementsOf(releasePage(eventful('x', 'x', 'x'), told, { production, links: LINKS }));
    const attacks = [
      '<script>alert(1)</script>',
      '" onload="x',
      "' onload='x",
      '</svg></table><img src=x onerror=y>',
      '&lt;b&gt;',
      '-->',
      ']]>',
      '`',
    ];
    const any = fc.oneof(fc.constantFrom(...attacks), hostileText);
    fc.assert(
      fc.property(any, any, any, (by, written, tenant) => {
        const page = releasePage(eventful(by, written, tenant), told, {
          production: { ...production, summary: written },
          links: LINKS,
        });
        // An empty text leaves its element out.
        if ([by, written].every((one) => one.trim() !== '')) expect(elementsOf(page)).toEqual(elements);
        expect(page.replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
      }),
      { numRuns: runs(200, 40) },
    );
  });

  test('names no address, and quotes no answer of a tenant', () => {
    const secret = 'https://canary-1.internal.example/admin';
    const page = releasePage(eventful(secret, secret, 'canary-2', 'events'), told, {
      production: { ...production, summary: secret },
    });
    expect(page).not.toContain('internal.example');
    expect(page).not.toContain(failed('x').got.slice(3, 20));
  });

  test('of a run without a report says so, and has no empty picture', () => {
    const page = releasePage(unreported('terminated', null), []);
    expect(page).toContain('There are no times of this run');
    expect(page).not.toContain('<svg');
  });

  test('is drawn from the times of the report once the events are gone', () => {
    const page = releasePage(record(), []);
    expect(page).toContain('aria-label="soaking, 7m"');
  });
});

describe('visits', () => {
  test('follow one another without a gap, and the last one ends with the run', () => {
    const visits = visitsOf(told, [], Date.parse(minute(42)), false);
    for (const [index, { to }] of visits.slice(0, -1).entries()) expect(visits[index + 1]?.from).toBe(to);
    expect(visits.at(-1)).toMatchObject({ phase: 'promoting', to: Date.parse(minute(42)), isOpen: false });
    expect(visits.filter(({ hold }) => hold !== undefined)).toMatchObject([{ phase: 'held', hold: 'could-not-test' }]);
  });
});

describe('the scale', () => {
  test('leaves room for a minute beside a hold of three days, and keeps the order', () => {
    const day = 24 * 3_600_000;
    const scale = scaleOf(
      [
        { from: 0, to: 60_000 },
        { from: 60_000, to: 3 * day },
      ],
      100,
      800,
      40,
    );
    expect(scale(60_000) - scale(0)).toBeGreaterThan(35);
    expect([scale(-1), scale(0), scale(3 * day), scale(9 * day)]).toEqual([100, 100, 900, 900]);
    const positions = [0, 30_000, 60_000, day, 2 * day].map(scale);
    expect([...positions].sort((a, b) => a - b)).toEqual(positions);
  });

  test('is a point where nothing took any time', () => {
    expect(scaleOf([{ from: 5, to: 5 }], 100, 800, 40)(5)).toBe(100);
  });

  test('marks no time that would lie on another mark', () => {
    expect(ticksOf([3, 0, 1, 100], (at) => at, 10)).toEqual([0, 100]);
  });
});
