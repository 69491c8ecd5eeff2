import { InvalidInput } from '../../../contract/brand.js';
import { historyOf } from '../../../lane/view.js';
import { readLane } from '../../../temporal/lane-view.js';
import { type Command, type Given, type Io, OUTPUT, TEMPORAL, textOption } from '../../command.js';
import { printLaneQuery } from '../../lane-query.js';
import { historyLines } from '../../print/lane.js';

export const history: Command = {
  options: [
    { flags: '--limit <number>', description: 'how many moves, and known-bad builds (default: 20)' },
    ...OUTPUT,
  ],
  environment: [...TEMPORAL],
  examples: ['canary history', 'canary history --limit 5 -o json'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const limit = textOption(given, 'limit') ?? '20';
  if (!/^[1-9]\d{0,3}$/.test(limit)) throw new InvalidInput(`--limit must be 1 to 9999, got ${limit}`);
  return printLaneQuery(given, io, readLane, ({ ledger }) => {
    const data = historyOf(ledger, Number(limit));
    return { lines: historyLines(data), data };
  });
}
