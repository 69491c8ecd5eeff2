import { describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/contract/lane.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';
import { ledgerRecord, ledgerRecordLines, renderLedgerRecord } from '../../src/report/ledger-record.js';
import { shaOf, tagsOf } from '../lane/lane-support.js';

const at = (hour: number) => `2026-11-25T0${hour}:00:00.000Z`;
const utc = (hour: number) => `2026-11-25 0${hour}:00:00 UTC`;
const images = tagsOf('a') as LedgerEntry['images'];

/** Ledger with these entries, one an hour. */
function ledgerOf(...entries: [LedgerEntry['kind'], string | null, by?: string][]) {
  const { ledger } = emptyLane();
  for (const [hour, [kind, letter, by = 'ada']] of entries.entries())
    record(ledger, {
      sha: letter && shaOf(letter),
      at: at(hour),
      kind,
      by,
      reason: `why ${kind}`,
      images,
    } as LedgerEntry);
  return ledger;
}
const linesOf = (ledger: ReturnType<typeof ledgerOf>, letter: string, kind?: 'release' | 'rollback') => {
  const found = ledgerRecord(ledger, shaOf(letter), kind);
  return found && ledgerRecordLines(found);
};
const GONE = expect.stringMatching(/^ {2}Temporal has no run of it: .* \(canary history\)$/);
const IMAGES = images.map(({ repository, digest }) => `  ${repository} ${digest}`);

describe('the ledger of a build whose run is gone', () => {
  test('says since when the live build is live, how it came there, and by whom; an adoption of it, or another rollback to it, changes nothing', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b', 'bob'], ['adopted', 'b']);
    expect(linesOf(ledger, 'b')).toEqual([
      `${shaOf('b')} is live since ${utc(1)}`,
      ...IMAGES,
      `  promoted by bob at ${utc(1)}: why promotion`,
      GONE,
    ]);
    const repeated = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['rollback', 'a', 'bob'], ['rollback', 'a']);
    expect(linesOf(repeated, 'a')?.at(-2)).toBe(`  rolled back to it by bob at ${utc(2)}: why rollback`);
  });

  test('says from when to when another one was live, what replaced it, and why it is known-bad', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['rollback', 'a', 'bob']);
    ledger.knownBad = [{ sha: shaOf('b'), digests: [], since: at(2), by: 'bob', reason: 'checkout fails' }];
    expect(linesOf(ledger, 'b')).toEqual([
      `${shaOf('b')} was live from ${utc(1)} to ${utc(2)}`,
      ...IMAGES,
      `  promoted by ada at ${utc(1)}: why promotion`,
      `  then rolled back to ${shaOf('a')} by bob at ${utc(2)}: why rollback`,
      `  known-bad: rolled back on ${at(2)} by bob: checkout fails`,
      GONE,
    ]);
  });

  test('tells the release of a build from the rollback to it', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['promotion', 'b'], ['rollback', 'a', 'bob']);
    expect(linesOf(ledger, 'a')?.[0]).toBe(`${shaOf('a')} is live since ${utc(2)}`);
    expect(linesOf(ledger, 'a', 'release')?.[0]).toBe(`${shaOf('a')} was live from ${utc(0)} to ${utc(1)}`);
    expect(linesOf(ledger, 'a', 'rollback')?.[3]).toBe(`  rolled back to it by bob at ${utc(2)}: why rollback`);
    expect(linesOf(ledger, 'b', 'rollback')).toBeNull();
  });

  test('knows a build that canary rejected, and no other one that was never live', () => {
    const ledger = ledgerOf(['promotion', 'a'], ['adopted', null]);
    ledger.verdicts = [{ sha: shaOf('c'), verdict: 'RED', failed: ['chat answers'], runId: 'r', at: at(0) }];
    expect(linesOf(ledger, 'c')).toEqual([
      `${shaOf('c')} was never live`,
      expect.stringMatching(/^ {2}known-bad: REJECTED BY CANARY on .*: chat answers$/),
      GONE,
    ]);
    expect(linesOf(ledger, 'd')).toBeNull();
    expect(linesOf(ledger, 'a')?.at(-2)).toBe(`  then adopted an unknown build by ada at ${utc(1)}: why adopted`);
  });

  test('is public as Markdown: no address, and no markup of others', () => {
    const found = ledgerRecord(ledgerOf(['promotion', 'a', '<b>https://acme.example.com</b>']), shaOf('a'));
    const text = found ? renderLedgerRecord(found) : '';
    expect(text).toMatch(
      new RegExp(`^## ${shaOf('a')} is live since ${utc(0)}\n\n- promoted by \\\\<b\\\\>\\(address\\)`),
    );
    expect(text).toContain(`- \`${images[0]?.repository}@${images[0]?.digest}\``);
  });
});
