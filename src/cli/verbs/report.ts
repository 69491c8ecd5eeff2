import { InvalidInput } from '../../contract/brand.js';
import { releaseId, rollbackId } from '../../contract/ids.js';
import { parseSha } from '../../contract/sha.js';
import { words } from '../../domain/markdown.js';
import { renderReport } from '../../report/render.js';
import { withClient } from '../../temporal/connect.js';
import { productionLine, productionNow } from '../../temporal/production.js';
import { readRun } from '../../temporal/run-record.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom, reportLinks } from '../requester.js';

/** Prints what is known of a run, also of one that goes on or that nobody could end well. */
export function report(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const { release, rollback } = given.options;
  if (release && rollback) throw new InvalidInput('--release and --rollback: keep one');
  const ids = [...(rollback ? [] : [releaseId(lane, sha)]), ...(release ? [] : [rollbackId(lane, sha)])];
  return withClient(io.env, async (client) => {
    const runs = (await Promise.all(ids.map((id) => readRun(client, id)))).filter((run) => run !== null);
    const [last] = runs.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
    if (last === undefined) throw new InvalidInput(`there is no run ${ids.join(' nor ')}`);
    const production = await productionNow(client, lane, sha);
    if (wantsJson(given)) {
      const { summary: seen = null, asOf = null } = production ?? {};
      io.out(JSON.stringify({ ...last, production: seen, productionAsOf: asOf }));
      return EXIT.done;
    }
    io.out(renderReport(last, reportLinks(io)).trimEnd());
    if (production) io.out(`\nProduction: ${words(productionLine(production))}`);
    return EXIT.done;
  });
}
