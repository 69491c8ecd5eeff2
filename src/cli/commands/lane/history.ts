import { InvalidInput } from '../../../contract/brand.js';
import { historyOf } from '../../../lane/view.js';
import { historyPage } from '../../../report/html/history-page.js';
import { withClient } from '../../../temporal/connect.js';
import { LANE_UNAVAILABLE, LONG_READ_MS } from '../../../temporal/lane-client.js';
import { isUnavailable, readLane } from '../../../temporal/lane-view.js';
import { endedRuns } from '../../../temporal/records/run.js';
import { type Command, type Given, type Io, OUTPUT, TEMPORAL, textOption } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { laneFrom } from '../../identity.js';
import { printLaneQuery } from '../../lane-query.js';
import { historyLines } from '../../print/lane.js';
import { writePage } from '../../print/page.js';

/** Runs that a page shows. */
const PAGE_RUNS = 50;

export const history: Command = {
  options: [
    { flags: '--limit <number>', description: 'how many moves, and known-bad builds (default: 20)' },
    {
      flags: '--html <file>',
      description: `write a page with the latest ${PAGE_RUNS} runs, :latest and figures to this file`,
    },
    ...OUTPUT,
  ],
  environment: [...TEMPORAL],
  examples: ['canary history', 'canary history --limit 5 -o json', 'canary history --html history.html'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const limit = textOption(given, 'limit') ?? '20';
  if (!/^[1-9]\d{0,3}$/.test(limit)) throw new InvalidInput(`--limit must be 1 to 9999, got ${limit}`);
  const file = textOption(given, 'html');
  if (file !== undefined) return printPage(file, io);
  return printLaneQuery(given, io, readLane, ({ ledger }) => {
    const data = historyOf(ledger, Number(limit));
    return { lines: historyLines(data), data };
  });
}

function printPage(file: string, io: Io): Promise<number> {
  const lane = laneFrom(io);
  return withClient(io.env, async (client) => {
    const [state, runs] = await Promise.all([readLane(client, lane, LONG_READ_MS), endedRuns(client, lane, PAGE_RUNS)]);
    if (isUnavailable(state)) {
      io.err(`canary: ${LANE_UNAVAILABLE[state]}`);
      return EXIT.fault;
    }
    return writePage(file, historyPage(lane, runs, state.ledger.history, { limit: PAGE_RUNS }), io);
  });
}
