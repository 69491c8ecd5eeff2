import { sameBuild } from '../sha.js';
import type { Ledger, LedgerEntry } from './state.js';

/** The last move of ours. What was adopted nobody moved. */
export const lastMove = ({ moves }: Ledger): LedgerEntry | undefined =>
  moves.findLast(({ kind }) => kind !== 'adopted');

/** What took the place of the build that was moved at `movedAt`; the same one adopted once more does not. */
export function supersededBy({ moves }: Ledger, sha: string, movedAt: string): LedgerEntry | undefined {
  return moves.findLast(
    (one) => one.at > movedAt && (one.kind !== 'adopted' || one.sha === null || !sameBuild(one.sha, sha)),
  );
}
