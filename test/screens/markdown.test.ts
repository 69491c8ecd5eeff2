import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { runDetails } from '../../src/domain/run-details.js';
import { laneDetails } from '../../src/lane/details.js';
import { renderReport } from '../../src/report/render.js';
import { NOON } from '../lane/lane-support.js';
import { hostileText } from '../support/hostile-text.js';
import { runs } from '../support/rows.js';
import { laneOf, rejected, statusOf } from './support.js';

/**
 * What Markdown makes of a page: the marks that are left once code, escapes and named characters are words, and how each line begins.
 * Two pages of the same structure differ in their words only.
 */
const structureOf = (page: string) =>
  page.split('\n').map((line) => {
    // From left to right: in code a backslash is a letter.
    const plain = line.replaceAll(/\\[!-/:-@[-`{-~]|@&#8203;|(`+)(?!`).*?(?<!`)\1(?!`)|`+/g, (part, fence) =>
      fence === undefined && part.startsWith('`') ? part : 'words',
    );
    const start = /^\s*(?:[-+*=]|\d+[.)])(?=\s|$)|^\s*-{3}/.exec(line)?.[0] ?? '';
    return [start, ...(plain.match(/[\\`*_[\]<>|~&$#@]/g) ?? [])].join('');
  });

const LANE = parseLane('eu');

const PAGES: [name: string, render: (text: string) => string][] = [
  ['the page of a run', (text) => runDetails(statusOf(text), LANE)],
  ['the page of a run that is not held', (text) => runDetails({ ...statusOf(text), hold: null }, LANE)],
  ['the page of the lane', (text) => laneDetails(laneOf(text), NOON, LANE)],
  ['a report', (text) => renderReport(rejected(text), {})],
  ['a report with answers', (text) => renderReport(rejected(text), {}, { answers: true })],
];

test.each(PAGES)('%s has the same structure whatever people, tenants and registries wrote', (_name, render) => {
  const words = structureOf(render('words'));
  fc.assert(
    fc.property(hostileText, (text) => {
      // Lists leave out what does not fit; that is tested beside them.
      const page = render(`${text.slice(0, 24)}x`);
      expect(structureOf(page)).toEqual(words);
      for (const line of page.split('\n'))
        expect(line).not.toMatch(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u);
    }),
    { numRuns: runs(100, 20) },
  );
});
