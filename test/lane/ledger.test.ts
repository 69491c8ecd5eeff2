import { describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/contract/lane.js';
import type { PinnedImage } from '../../src/contract/release.js';
import {
  buildsOf,
  defaultRollbackTarget,
  describeRejection,
  isAdopted,
  keyOf,
  lastMove,
  liveBefore,
  movedImagesOf,
  nameAdopted,
  record,
  supersededBy,
} from '../../src/lane/ledger.js';
import { newest, numberFirstPromotion } from '../../src/lane/limits.js';
import { emptyLane, MAX_BUILDS } from '../../src/lane/state.js';
import { digestOf, NOON, shaOf, tagsOf } from './lane-support.js';

const at = (minute: number) => new Date(NOON + minute * 60_000).toISOString();
type Row = [kind: LedgerEntry['kind'], letter: string | null, images?: LedgerEntry['images']];

/** Ledger with these entries, one a minute. */
function ledgerOf(...rows: Row[]) {
  const { ledger } = emptyLane();
  for (const [minute, [kind, letter, images]] of rows.entries())
    record(ledger, {
      sha: letter === null ? null : shaOf(letter),
      at: at(minute),
      kind,
      by: 'ada',
      reason: 'x',
      images: images ?? (tagsOf(letter ?? 'f') as LedgerEntry['images']),
    });
  return ledger;
}
const mark = (letter: string) => ({ sha: shaOf(letter), digests: [], since: at(0), by: 'ada', reason: 'x' });

describe('the order keys', () => {
  const numbered = (nth: number) => nth.toString(16).padStart(7, '0');
  const MOST = 2 * MAX_BUILDS;

  test('of the oldest builds are forgotten above the limit, but for those that were moved or are known-bad', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['adopted', null]);
    ledger.knownBad.push(mark('b'));
    keyOf(ledger, shaOf('b'));
    // A record lists a sha of only digits first, which is not the oldest for that.
    for (let nth = 2; nth < MOST; nth += 1) keyOf(ledger, nth === 200 ? '9999999' : numbered(nth));
    expect(Object.keys(ledger.order)).toHaveLength(MOST);
    // A forced one that nothing dates is older than all others.
    const late = keyOf(ledger, 'fffffff');
    late.seen = -1;
    for (const nth of [0, 1]) keyOf(ledger, `eeeeee${nth}`);
    const kept = Object.keys(ledger.order);
    expect(kept).toHaveLength(MOST);
    expect(['aaaaaaa', 'bbbbbbb', '9999999', 'eeeeee1'].filter((sha) => !kept.includes(sha))).toEqual([]);
    expect(['fffffff', numbered(2), numbered(3), numbered(4)].filter((sha) => kept.includes(sha))).toEqual([
      numbered(4),
    ]);
  });
});

describe('a list that is cut', () => {
  test('keeps its last items, by their number and by their bytes', () => {
    expect(newest(['a', 'b', 'c'], 2, 99)).toEqual(['b', 'c']);
    expect(newest(['a', 'b', 'c'], 9, 8)).toEqual(['b', 'c']);
    expect(newest(['a', 'b', 'c'], 9, 7)).toEqual(['c']);
  });
});

test('first promotions are numbered in their order, also of shas of only digits', () => {
  const numbers: Record<string, number> = {};
  for (const sha of ['aaaaaaa', '2222222', '1111111', 'bbbbbbb', 'aaaaaaa']) numberFirstPromotion(numbers, sha);
  expect(numbers).toEqual({ aaaaaaa: 0, 2222222: 1, 1111111: 2, bbbbbbb: 3 });
});

test('a rejection names each failed check', () => {
  const verdict = { sha: shaOf('a'), verdict: 'RED' as const, failed: ['one', 'two'], runId: 'r', at: at(0) };
  expect(describeRejection(verdict)).toBe(`REJECTED BY CANARY on ${at(0)}, run r: one, two`);
});

describe('the history', () => {
  test('tells which images the gate itself moved to a build; an adoption may name any', () => {
    const [first, second] = tagsOf('a') as LedgerEntry['images'];
    const ledger = ledgerOf(
      ['adopted', 'a', [second as never]],
      ['adopted', null],
      ['promotion', 'b'],
      ['promotion', 'a', [first as never]],
    );
    expect(movedImagesOf(ledger, shaOf('a'))).toEqual([first?.repository]);
    expect(movedImagesOf(ledger, shaOf('c'))).toEqual([]);
  });

  test('lists each build once, by its newest entry', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['adopted', null], ['rollback', 'a']);
    expect(buildsOf(ledger).map(({ sha, kind }) => [sha, kind])).toEqual([
      [shaOf('a'), 'rollback'],
      [shaOf('b'), 'promotion'],
    ]);
  });

  test('has as target of a rollback the newest other good build before an entry', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['adopted', 'b'], ['adopted', null]);
    record(ledger, { ...(ledger.history[0] as LedgerEntry), sha: shaOf('c') });
    const [, , b, unknown] = ledger.history;
    expect([liveBefore(ledger, b), liveBefore(ledger, unknown)]).toEqual([shaOf('a'), shaOf('b')]);
    expect(defaultRollbackTarget(ledger)).toBe(shaOf('b'));
    ledger.knownBad.push(mark('b'));
    expect(defaultRollbackTarget(ledger)).toBe(shaOf('a'));
    expect(defaultRollbackTarget(emptyLane().ledger)).toBeNull();
  });

  test('has as its last move no adoption', () => {
    expect(lastMove(ledgerOf(['promotion', 'a'], ['rollback', 'b'], ['adopted', 'c']))?.sha).toBe(shaOf('b'));
    expect(lastMove(ledgerOf(['adopted', 'c']))).toBeUndefined();
  });

  test.each<[string, Row, boolean]>([
    ['a promotion of another build', ['promotion', 'b'], true],
    ['a move to the same build', ['rollback', 'a'], true],
    ['an adoption of another build', ['adopted', 'b'], true],
    ['an adoption of an unknown build', ['adopted', null], true],
    ['an adoption of the same build', ['adopted', 'a'], false],
  ])('says of %s whether it replaced a build', (_what, row, isReplaced) => {
    const ledger = ledgerOf(['promotion', 'a'], row);
    expect(supersededBy(ledger, shaOf('a'), at(0)) !== undefined).toBe(isReplaced);
    expect(supersededBy(ledger, shaOf('a'), at(1))).toBeUndefined();
  });

  test('does not take a rollback for a promotion: later builds are compared with the newest promoted one', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['rollback', 'a'], ['rollback', 'c']);
    expect(ledger.newestPromoted?.sha).toBe(shaOf('b'));
    expect(Object.keys(ledger.firstPromoted)).toEqual([shaOf('a'), shaOf('b')]);
  });
});

describe('an adopted :latest of an unknown build', () => {
  const images = (letter: string) => tagsOf(letter) as LedgerEntry['images'];
  const half = [images('1')[0], images('2')[1]] as LedgerEntry['images'];
  const untagged = [images('1')[0], { ...images('1')[1], digest: null }] as LedgerEntry['images'];

  test.each<[string, Row[], LedgerEntry['images']]>([
    ['if only one of its images is there', [['adopted', null, half]], images('1')],
    ['if an image of the build is not known', [['adopted', null, untagged]], untagged],
    [
      'if the build was promoted before',
      [
        ['promotion', '1'],
        ['adopted', null, images('1')],
      ],
      images('1'),
    ],
    ['if it has another name already', [['adopted', '2', images('1')]], images('1')],
  ])('is not named %s', (_what, rows, sent) => {
    const ledger = ledgerOf(...rows);
    const before = structuredClone(ledger);
    nameAdopted(ledger, shaOf('1'), sent);
    expect(ledger).toEqual(before);
  });

  test('comes before all that was moved later, also if that was adopted and named itself', () => {
    const rows: Row[] = [
      ['adopted', null, images('1')],
      ['adopted', null, images('2')],
      ['promotion', 'c'],
    ];
    const numberOf = (...order: string[]) => {
      const ledger = ledgerOf(...rows);
      for (const letter of order) nameAdopted(ledger, shaOf(letter), tagsOf(letter));
      return ['1', '2', 'c'].map((letter) => ledger.firstPromoted[shaOf(letter)]);
    };
    expect(numberOf('2', '1')).toEqual([-2, -1, 0]);
    const [first = 0, second = 0] = numberOf('1', '2');
    expect(second).toBeGreaterThanOrEqual(first);
  });
});

test('a pair of which one image moved counts as adopted only if both are where the adoption left them', () => {
  const seen = tagsOf('a').map(({ repository, digest }) => ({ repository, latest: digest })) as PinnedImage[];
  const found = [tagsOf('b')[0], tagsOf('a')[1]] as ReturnType<typeof tagsOf>;
  expect(found[0]?.digest).toBe(digestOf(shaOf('b'), 0));
  expect(isAdopted(seen, found, found)).toBe(true);
  expect(isAdopted(seen, found, tagsOf('b'))).toBe(false);
});
