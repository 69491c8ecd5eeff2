import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import type { LedgerEntry } from '../../src/contract/lane.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import type { RolledBackBuild } from '../../src/report/rolled-back-build.js';
import { readIncident } from '../../src/temporal/incident.js';
import { productionOfLive } from '../../src/temporal/overview.js';
import { productionNow } from '../../src/temporal/production.js';
import { moved, record, rollbackRecord } from '../support/records.js';

/** Run as Temporal would list it; times are minutes after 4:00. */
interface Listed {
  workflowId: string;
  began: number;
  /** Absent while it runs. */
  ended?: number;
  movedAt?: number;
  /** Its result, or the answer to a query; absent if it failed, or if no worker answers. */
  answer?: unknown;
}

const BAD = parseSha('bad0bad');
const GOOD = parseSha('600d600');
const LANE = parseLane('');
const at = (minute: number) => new Date(Date.parse('2026-11-25T04:00:00Z') + minute * 60_000);

/** Client of a server that has these runs, the latest first. */
function clientOf(runs: Listed[]): Client {
  const { RUNNING, COMPLETED } = { RUNNING: 1, COMPLETED: 2 };
  const raw = runs.map(({ workflowId, began, ended, movedAt }, index) => ({
    execution: { workflowId, runId: `${index}` },
    type: { name: 'Any' },
    status: ended === undefined ? RUNNING : COMPLETED,
    historyLength: { toNumber: () => 1 },
    startTime: msToTs(at(began).getTime()),
    ...(ended !== undefined && { closeTime: msToTs(at(ended).getTime()) }),
    memo: {
      fields: movedAt === undefined ? {} : { movedAt: defaultPayloadConverter.toPayload(at(movedAt).toISOString()) },
    },
  }));
  const workflowService = {
    async listWorkflowExecutions({ query }: { query: string }) {
      const ofId = /WorkflowId = '(.*?)'/.exec(query)?.[1];
      const isWanted = (id: string) => (ofId === undefined ? id.startsWith('canary-release-') : id === ofId);
      return { executions: raw.filter(({ execution }) => isWanted(execution.workflowId)) };
    },
    describeWorkflowExecution: async ({ execution }: { execution: { workflowId: string } }) => ({
      workflowExecutionInfo: raw.find((one) => one.execution.workflowId === execution.workflowId),
    }),
  };
  const answerOf = async (runId: string | undefined) => {
    const answer = runs[Number(runId)]?.answer;
    if (answer === undefined) throw new Error('no worker answers');
    return answer;
  };
  const connection = {
    workflowService,
    withDeadline: (_at: number, ask: () => Promise<unknown>) => ask(),
    plugins: [],
  };
  const client = new Client({ connection: connection as never });
  const { workflow } = client;
  const getHandle = workflow.getHandle.bind(workflow);
  workflow.getHandle = ((workflowId: string, runId?: string) =>
    Object.assign(getHandle(workflowId, runId), {
      result: () => answerOf(runId),
      query: () => answerOf(runId),
    })) as never;
  return client;
}

const watch = (sha: string, began: number, movedAt: number | undefined, why?: string): Listed => ({
  workflowId: `watch-production-${sha}`,
  began,
  ended: began + 10,
  ...(movedAt !== undefined && { movedAt }),
  ...(why !== undefined && { answer: { why } }),
});
const entry: LedgerEntry = {
  sha: BAD,
  at: at(10).toISOString(),
  kind: 'promotion',
  by: 'ada',
  reason: 'green',
  images: [],
};
const ledger: RolledBackBuild = { sha: BAD, rolledBackMove: entry, bad: [], marked: true, rejected: null };
const rolledBack = {
  ...rollbackRecord({ images: moved }),
  sha: GOOD,
  started: at(60).toISOString(),
  ended: at(62).toISOString(),
};
const read = (runs: Listed[], known: RolledBackBuild | null = ledger) =>
  readIncident(clientOf(runs), LANE, rolledBack, known);

describe('readIncident', () => {
  test('takes the release that moved :latest, not a later one that found its build live and tested nothing', async () => {
    const before = moved.map((image) => ({ ...image, digest: image.previous ?? image.digest }));
    const reportOf = (images: ReleaseReport['images']) => record({ sha: BAD, images }).report;
    const again = { workflowId: `canary-release-${BAD}`, began: 30, ended: 31 };
    const { broken } = await read([
      { ...again, answer: reportOf(before.map(({ repository, digest }) => ({ repository, digest, latest: digest }))) },
      { ...again, answer: reportOf(before.map((image) => ({ ...image, result: 'already' as const }))) },
      { ...again, began: 5, ended: 11, answer: reportOf(before) },
    ]);
    expect(broken?.started).toBe(at(5).toISOString());
  });

  test('takes the watch over the move that was rolled back, and the first watch over the move back', async () => {
    const { brokenWatch, targetWatch } = await read([
      watch(BAD, 40, 39, 'of a later time'),
      watch(BAD, 12, 10, 'of that move'),
      watch(BAD, 1, 0, 'of an earlier time'),
      watch(GOOD, 90, 89, 'of the next time'),
      watch(GOOD, 64, 61, 'of the move back'),
      // It started late, and follows an earlier move.
      watch(GOOD, 61, 5, 'of a move before'),
    ]);
    expect({ broken: brokenWatch, target: targetWatch }).toEqual({
      broken: { why: 'of that move' },
      target: { why: 'of the move back' },
    });
  });

  test('takes the last watch from before the end of the rollback if none follows that entry, and none from before the release', async () => {
    const runs = [watch(BAD, 70, 69, 'too late'), watch(BAD, 12, 9, 'the last'), watch(BAD, 1, 0, 'too early')];
    expect((await read(runs)).brokenWatch).toEqual({ why: 'the last' });
    const release = {
      workflowId: `canary-release-${BAD}`,
      began: 15,
      ended: 20,
      answer: record({ sha: BAD, images: moved }).report,
    };
    expect((await read([...runs, release])).brokenWatch).toBeNull();
  });

  test('distinguishes a watch that does not answer from no watch', async () => {
    const { brokenWatch, targetWatch } = await read([watch(BAD, 12, 10)]);
    expect({ broken: brokenWatch, target: targetWatch }).toEqual({ broken: 'silent', target: null });
  });
});

describe('the production watch of a build', () => {
  const now = (runs: Listed[], since?: number) =>
    productionNow(clientOf(runs), LANE, GOOD, since === undefined ? undefined : at(since).toISOString());

  test('is not one over an earlier move to that build', async () => {
    const old = [watch(GOOD, 1, 0, '3 of 3 on it')];
    expect(await now(old, 60)).toBeNull();
    expect(await now(old, 0)).toMatchObject({ summary: '3 of 3 on it' });
    expect(await now(old)).toMatchObject({ summary: '3 of 3 on it' });
  });

  test('is for the live build the one over its last move, which an adoption does not make older', async () => {
    const client = clientOf([watch(BAD, 11, 10, '3 of 3 on it')]);
    const production = (liveAt: number, movedAt: number | null) =>
      productionOfLive(client, LANE, {
        live: { ...entry, at: at(liveAt).toISOString() },
        isWatched: false,
        movedAt: movedAt === null ? null : at(movedAt).toISOString(),
      });
    expect(await production(10, 10)).toMatchObject({ summary: '3 of 3 on it' });
    expect(await production(20, 10)).toMatchObject({ summary: '3 of 3 on it' });
    expect(await production(20, 20)).toBeNull();
    expect(await production(20, null)).toBeNull();
  });

  test('may be one that a person started after the move, which names none', async () => {
    const byHand = [watch(GOOD, 61, undefined, '2 of 3 on it')];
    expect(await now(byHand, 60)).toMatchObject({ summary: '2 of 3 on it' });
    expect(await now(byHand, 62)).toBeNull();
  });

  test('has the time of the last look after the watch has ended', async () => {
    const { ended: _, ...open } = watch(GOOD, 1, 0, '2 of 3 on it');
    expect(await now([open])).toEqual({ summary: '2 of 3 on it', asOf: null });
    expect(await now([watch(GOOD, 1, 0, '2 of 3 on it')])).toEqual({
      summary: '2 of 3 on it',
      asOf: at(11).toISOString(),
    });
  });
});
