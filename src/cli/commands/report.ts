import type { Client } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import { type Lane, releaseId, rollbackId } from '../../contract/ids.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { code, oneLine, redactedProse } from '../../domain/markdown.js';
import { releasePage } from '../../report/html/release-page.js';
import { ledgerRecord, ledgerRecordLines, renderLedgerRecord } from '../../report/ledger-record.js';
import { renderPostmortem } from '../../report/postmortem.js';
import { renderReport } from '../../report/render.js';
import { withClient } from '../../temporal/connect.js';
import { NoAnswer, promptly } from '../../temporal/faults/in-time.js';
import { incidents } from '../../temporal/incident.js';
import { isUnavailable, readLane } from '../../temporal/lane-view.js';
import { productionLine, productionNow } from '../../temporal/production.js';
import { eventsOfRun } from '../../temporal/records/events.js';
import { lastEnded, readRun } from '../../temporal/records/run.js';
import { type Command, type Given, type Io, LINKS, OUTPUT, TEMPORAL, textOption, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom, reportLinks } from '../identity.js';
import { recordFromLedger } from '../lane-query.js';
import { writePage } from '../print/page.js';
import { printLines } from '../safe-io.js';

export const report: Command = {
  options: [
    { flags: '--release', description: 'report the release, even if a rollback started later' },
    { flags: '--rollback', description: 'report the rollback, even if a release started later' },
    { flags: '--html <file>', description: 'write a page with the timeline of the run to this file' },
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, LINKS],
  examples: [
    'canary report 4c1d56e',
    'canary report 4c1d56e --rollback',
    'canary report 4c1d56e --html release.html',
    'canary report 4c1d56e -o json',
  ],
  run: printReport,
};

export const postmortem: Command = {
  options: [],
  environment: [...TEMPORAL, LINKS],
  examples: ['canary postmortem 4c1d56e > postmortem.md'],
  run: printPostmortem,
};

/** Longest record of the ledger on one line, in characters. */
const MAX_RECORD = 2_000;

/** Prints what is known of a run, also while it is running, and if it could not write a report itself. */
function printReport(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const { release, rollback } = given.options;
  if (release && rollback) throw new InvalidInput('--release and --rollback exclude each other: keep one');
  const ids = [...(rollback ? [] : [releaseId(lane, sha)]), ...(release ? [] : [rollbackId(lane, sha)])];
  return withClient(io.env, async (client) => {
    const [production, ...read] = await promptly(client, () =>
      Promise.all([productionNow(client, lane, sha), ...ids.map((id) => readRun(client, id))]),
    );
    const runs = read.filter((run) => run !== null);
    const [last] = runs.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
    if (last === undefined) return printRecord(client, lane, sha, ids, given, io);
    if (last.unlisted) io.err(`canary: ${last.unlisted}: the build before is not named`);
    const file = textOption(given, 'html');
    if (file !== undefined) {
      // The history of a run may be gone before its report.
      const events = await promptly(client, () => eventsOfRun(client, last)).catch((error: unknown) => {
        if (error instanceof NoAnswer) io.err(`canary: the events of the run are missing: ${error.message}`);
        return [];
      });
      return writePage(file, releasePage(last, events, { production, links: reportLinks(io) }), io);
    }
    if (wantsJson(given)) {
      const { summary = null, asOf = null, back = null } = production ?? {};
      io.out(JSON.stringify({ ...last, production: summary, productionAsOf: asOf, productionBack: back }));
      return EXIT.done;
    }
    printLines(io.out, renderReport(last, reportLinks(io), { answers: io.isTerminal === true }));
    if (production) printLines(io.out, `\nProduction: ${redactedProse(productionLine(production))}`);
    if (production?.back) printLines(io.out, `\nTo go back: ${code(production.back)}`);
    return EXIT.done;
  });
}

/** Prints what the ledger knows of a build, of which Temporal has no run. */
async function printRecord(client: Client, lane: Lane, sha: Sha, ids: string[], given: Given, io: Io): Promise<number> {
  const { release, rollback, html } = given.options;
  const kind = rollback ? 'rollback' : release ? 'release' : undefined;
  const record = await promptly(client, () => recordFromLedger(client, lane, sha, ids, kind));
  if (html !== undefined)
    throw new InvalidInput(`--html needs a run, and Temporal no longer has one: canary report ${sha}`);
  if (wantsJson(given)) io.out(JSON.stringify({ ...record, run: null }));
  else printLines(io.out, renderLedgerRecord(record));
  return EXIT.done;
}

/** Prints what is known; the questions for people stay open. */
function printPostmortem(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const workflowId = rollbackId(lane, sha);
  return withClient(io.env, async (client) => {
    const last = await readRun(client, workflowId);
    if (last === null) {
      const state = await readLane(client, lane);
      const record = isUnavailable(state) ? null : ledgerRecord(state.ledger, sha, 'rollback');
      if (record === null)
        throw new InvalidInput(`no run ${workflowId}: give the build that was rolled back TO (canary status)`);
      io.err(`canary: no post-mortem can be drafted: ${oneLine(ledgerRecordLines(record).join('; '), MAX_RECORD)}`);
      return EXIT.fault;
    }
    const { didAnything, read } = await incidents(client, lane);
    // A repeated rollback finds nothing to do: the post-mortem is about the run before it.
    const rollback = didAnything(last) ? last : await lastEnded(client, workflowId, didAnything);
    if (rollback === null)
      throw new InvalidInput(`${workflowId} moved nothing (${last.outcome}): canary report ${last.sha} --rollback`);
    if (rollback !== last)
      io.err(
        `the latest run of ${workflowId} moved nothing (${last.outcome}): this is the one that ended ${rollback.ended}`,
      );
    printLines(io.out, renderPostmortem(await read(rollback), reportLinks(io)));
    return EXIT.done;
  });
}
