import type { Client } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import type { LedgerEntry } from '../../src/contract/lane.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import type { RolledBackBuild } from '../../src/lane/rolled-back-build.js';
import { readIncident } from '../../src/temporal/incident.js';
import { productionOfLive } from '../../src/temporal/overview.js';
import { productionNow } from '../../src/temporal/production.js';
import { moved, record, rollbackRecord } from '../support/records.js';

/** A run as Temporal would list it; times are minutes after 4:00. */
interface Listed {
  workflowId: string;
  began: number;
  /** Absent: it goes on. */
  ended?: number;
  movedAt?: number;
  /** What it says, or said last; absent: it failed, or nobody answers. */
  told?: unknown;
}

const BAD = parseSha('bad0bad');
const GOOD = parseSha('600d600');
const LANE = parseLane('');
const at = (minute: number) => new Date(Date.parse('2026-11-25T04:00:00Z') + minute * 60_000);

/** A client over these runs, the last first. */
function clientOf(runs: Listed[]): Client {
  const infos = runs.map(({ workflowId, began, ended, movedAt }, index) => ({
    workflowId,
    runId: `${index}`,
    startTime: at(began),
    closeTime: ended === undefined ? undefined : at(ended),
    status: { name: ended === undefined ? 'RUNNING' : 'COMPLETED' },
    memo: movedAt === undefined ? undefined : { movedAt: at(movedAt).toISOString() },
    typedSearchAttributes: { get: () => undefined },
  }));
  const tell = async (runId: string | undefined) => {
    const told = runs[Number(runId)]?.told;
    if (told === undefined) throw new Error('nobody answers');
    return told;
  };
  const fake = {
    options: { namespace: 'default' },
    withDeadline: (_at: number, ask: () => Promise<unknown>) => ask(),
    workflow: {
      async *list({ query }: { query: string }) {
        const ofId = /WorkflowId = '(.*?)'/.exec(query)?.[1];
        const isWanted = (id: string) => (ofId === undefined ? id.startsWith('canary-release-') : id === ofId);
        yield* infos.filter(({ workflowId }) => isWanted(workflowId));
      },
      getHandle: (workflowId: string, runId?: string) => ({
        describe: async () => infos.find((one) => one.workflowId === workflowId),
        result: () => tell(runId),
        query: () => tell(runId),
      }),
    },
  };
  return fake as never;
}

const watch = (sha: string, began: number, movedAt: number | undefined, told?: string): Listed => ({
  workflowId: `watch-production-${sha}`,
  began,
  ended: began + 10,
  ...(movedAt !== undefined && { movedAt }),
  ...(told !== undefined && { told: { why: told } }),
});
const entry: LedgerEntry = {
  sha: BAD,
  at: at(10).toISOString(),
  kind: 'promotion',
  by: 'ada',
  reason: 'green',
  images: [],
};
const ledger: RolledBackBuild = { sha: BAD, undone: entry, bad: [], marked: true };
const rolledBack = {
  ...rollbackRecord({ images: moved }),
  sha: GOOD,
  started: at(60).toISOString(),
  ended: at(62).toISOString(),
};
const read = (runs: Listed[], known: RolledBackBuild | null = ledger) =>
  readIncident(clientOf(runs), LANE, rolledBack, known);

describe('what an incident is read from', () => {
  test('is the release that moved :latest, not a later one that found its build live and tested nothing', async () => {
    const stood = moved.map((image) => ({ ...image, digest: image.previous ?? image.digest }));
    const told = (images: ReleaseReport['images']) => record({ sha: BAD, images }).report;
    const again = { workflowId: `canary-release-${BAD}`, began: 30, ended: 31 };
    const { broken } = await read([
      { ...again, told: told(stood.map(({ repository, digest }) => ({ repository, digest, latest: digest }))) },
      { ...again, told: told(stood.map((image) => ({ ...image, result: 'already' as const }))) },
      { ...again, began: 5, ended: 11, told: told(stood) },
    ]);
    expect(broken?.started).toBe(at(5).toISOString());
  });

  test('is the watch over the very move that was undone, and the first over the move back', async () => {
    const { brokenWatch, targetWatch } = await read([
      watch(BAD, 40, 39, 'of a later time'),
      watch(BAD, 12, 10, 'of that move'),
      watch(BAD, 1, 0, 'of an earlier time'),
      watch(GOOD, 90, 89, 'of the next time'),
      watch(GOOD, 64, 61, 'of the move back'),
      // It began late: what it follows was before.
      watch(GOOD, 61, 5, 'of a move before'),
    ]);
    expect({ took: brokenWatch, wentBack: targetWatch }).toEqual({
      took: { why: 'of that move' },
      wentBack: { why: 'of the move back' },
    });
  });

  test('is, where no watch follows that entry, the last that began before the rollback ended, and none from before its release', async () => {
    const runs = [watch(BAD, 70, 69, 'too late'), watch(BAD, 12, 9, 'the last'), watch(BAD, 1, 0, 'too early')];
    expect((await read(runs)).brokenWatch).toEqual({ why: 'the last' });
    const release = {
      workflowId: `canary-release-${BAD}`,
      began: 15,
      ended: 20,
      told: record({ sha: BAD, images: moved }).report,
    };
    expect((await read([...runs, release])).brokenWatch).toBeNull();
  });

  test('tells a watch that has no word from none at all', async () => {
    const { brokenWatch, targetWatch } = await read([watch(BAD, 12, 10)]);
    expect({ took: brokenWatch, wentBack: targetWatch }).toEqual({ took: 'silent', wentBack: null });
  });
});

describe('how production takes a build, now', () => {
  const now = (runs: Listed[], since?: number) =>
    productionNow(clientOf(runs), LANE, GOOD, since === undefined ? undefined : at(since).toISOString());

  test('is no word of a watch over an earlier move to it', async () => {
    const old = [watch(GOOD, 1, 0, '3 of 3 on it')];
    expect(await now(old, 60)).toBeNull();
    expect(await now(old, 0)).toMatchObject({ summary: '3 of 3 on it' });
    expect(await now(old)).toMatchObject({ summary: '3 of 3 on it' });
  });

  test('is for what is live the word of the watch over its last move, which an adoption does not make older', async () => {
    const client = clientOf([watch(BAD, 11, 10, '3 of 3 on it')]);
    const production = (liveAt: number, movedAt: number | null) =>
      productionOfLive(client, LANE, {
        live: { ...entry, at: at(liveAt).toISOString() },
        movedAt: movedAt === null ? null : at(movedAt).toISOString(),
      });
    expect(await production(10, 10)).toBe('3 of 3 on it');
    expect(await production(20, 10)).toBe('3 of 3 on it');
    expect(await production(20, 20)).toBeNull();
    expect(await production(20, null)).toBeNull();
  });

  test('says until when that was seen, once nobody looks any more', async () => {
    const { ended: _, ...open } = watch(GOOD, 1, 0, '2 of 3 on it');
    expect(await now([open])).toEqual({ summary: '2 of 3 on it', asOf: null });
    expect(await now([watch(GOOD, 1, 0, '2 of 3 on it')])).toEqual({
      summary: '2 of 3 on it',
      asOf: at(11).toISOString(),
    });
  });
});
