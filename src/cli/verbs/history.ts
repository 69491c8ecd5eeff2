import { InvalidInput } from '../../contract/brand.js';
import { historyOf } from '../../lane/view.js';
import { readLane } from '../../temporal/lane-view.js';
import { printLaneQuery } from '../ask-lane.js';
import { type Given, type Io, textOption } from '../command.js';
import { historyLines } from '../lane-lines.js';

export async function history(given: Given, io: Io): Promise<number> {
  const limit = textOption(given, 'limit') ?? '20';
  if (!/^[1-9]\d{0,3}$/.test(limit)) throw new InvalidInput(`--limit ${limit} is no number from 1 to 9999`);
  return printLaneQuery(given, io, readLane, ({ ledger }) => {
    const data = historyOf(ledger, Number(limit));
    return { lines: historyLines(data), data };
  });
}
