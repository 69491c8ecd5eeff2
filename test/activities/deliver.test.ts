import { Client } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toFailure } from '../../activities/failures.js';
import { createDeliverActivities } from '../../activities/sinks/deliver.js';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';
import { DIRECT } from '../../src/net/network.js';
import { githubSink } from '../../src/notify/github/github.js';
import { type Sink, SinkError } from '../../src/notify/sink.js';
import { startGitHub } from '../../testbed/github-server.js';
import { alarmed, delivered, entered, held, RUN, rejected } from '../support/events.js';

type Dependencies = Parameters<typeof createDeliverActivities>[0];

const [RUNNING, COMPLETED, TERMINATED] = [1, 2, 5];
const MINUTE = 60_000;
const OTHER_RUN = RUN.replaceAll('0', '1');
const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE).toISOString();

interface Latest {
  runId: string;
  status: number;
  /** Hold of its status; undefined if no worker answers. */
  holdId?: string | null;
}

/** Client of a server on which this is the latest run of each id. */
function clientOf({ runId, status, holdId }: Latest): Client {
  const answers = {
    describeWorkflowExecution: async () => ({
      workflowExecutionInfo: {
        execution: { workflowId: 'canary-release-4c1d56e', runId },
        type: { name: 'CanaryRelease' },
        status,
        historyLength: { toNumber: () => 1 },
        startTime: msToTs(0),
      },
    }),
    async queryWorkflow() {
      if (holdId === undefined) throw new Error('no worker answers');
      const hold = holdId === null ? null : { id: holdId };
      return { queryResult: { payloads: [defaultPayloadConverter.toPayload({ hold })] } };
    },
  };
  const withDeadline = (_at: number, ask: () => Promise<unknown>) => ask();
  return new Client({ connection: { workflowService: answers, withDeadline, plugins: [] } as never });
}

/** A worker of a gate whose release has this latest run. */
function worker(sinks: Sink[], latest: Latest = { runId: RUN, status: RUNNING }, name = 'chat') {
  const dependencies = {
    client: clientOf(latest),
    config: { lane: parseLane('') },
    lane: { state: async () => Promise.reject(new Error('no answer')) },
  } as unknown as Dependencies;
  const { deliver } = createDeliverActivities(dependencies, sinks);
  return (event: DeliveredEvent, scheduledMinutesAgo = 0): Promise<ApplicationFailure | null> => {
    const scheduledTimestampMs = Date.now() - scheduledMinutesAgo * MINUTE;
    const attempt = new MockActivityEnvironment({
      scheduledTimestampMs,
      currentAttemptScheduledTimestampMs: Date.now(),
    }).run(deliver, name, event) as Promise<void>;
    return attempt.then(
      () => null,
      (error: unknown) => toFailure(error) as ApplicationFailure,
    );
  };
}

/** Sink that keeps what it got, or fails. */
function chat(fails?: () => Error): Sink & { ids: string[] } {
  const ids: string[] = [];
  return {
    name: 'chat',
    ids,
    takes: () => true,
    async deliver({ id }) {
      if (fails) throw fails();
      ids.push(id);
    },
  };
}

describe('a delivery on a worker without its sink', () => {
  const lacking = { type: 'SinkFailed', message: 'chat: it is not configured on this worker' };

  test('fails, and is done by a worker that has it', async () => {
    const event = { ...alarmed(1), at: ago(180) };
    expect(await worker([])(event, 4)).toMatchObject({ ...lacking, nonRetryable: false });
    const sink = chat();
    expect(await worker([sink])(event, 4)).toBeNull();
    expect(sink.ids).toEqual([event.id]);
  });

  test('is given up by name if none has it for five minutes', async () => {
    expect(await worker([])({ ...alarmed(1), at: ago(6) }, 6)).toMatchObject({ ...lacking, nonRetryable: true });
  });
});

describe('a delivery that fails', () => {
  test('of a status for want of a right gives it up after five minutes, and RED behind it reaches the issue', async () => {
    const [repository, sha] = ['acme/platform', `4c1d56e${'0'.repeat(33)}`];
    const github = await startGitHub({ repository, token: 'hush', commits: [sha] });
    onTestFinished(() => github.stop());
    github.refuse = ({ path }) => (path.includes('/statuses/') ? { status: 403 } : undefined);
    const access = { api: github.url, repository, token: async () => 'hush', network: DIRECT, pauseMs: 0 };
    const context = { lane: parseLane(''), namespace: 'prod', ui: undefined, repository };
    const deliver = worker([githubSink(access, { name: 'production', url: null }, context)], undefined, 'github');
    const denied = { type: 'SinkFailed', message: 'github: POST /statuses/… answered 403' };
    expect(await deliver({ ...entered(1, 'soaking'), at: ago(4) })).toMatchObject({ ...denied, nonRetryable: false });
    expect(await deliver({ ...entered(1, 'soaking'), at: ago(6) })).toMatchObject({ ...denied, nonRetryable: true });
    expect(await deliver({ ...rejected(2), at: ago(0) })).toMatchObject({ ...denied, nonRetryable: false });
    expect(github.issues).toHaveLength(1);
  });

  test.each<[string, Error]>([
    ['with a fault of its sink', new SinkError('chat: answered 503')],
    ['with a fault that its sink did not foresee', new TypeError('listed.find is not a function')],
  ])('%s is retried for an hour, and then given up at once', async (_what, error) => {
    const deliver = worker([chat(() => error)]);
    const young = await deliver({ ...alarmed(1), at: ago(59) });
    expect(young instanceof ApplicationFailure && young.nonRetryable).toBe(false);
    const old = { type: 'SinkFailed', message: error.message, nonRetryable: true };
    expect(await deliver({ ...alarmed(1), at: ago(61) })).toMatchObject(old);
  });
});

describe('a reminder', () => {
  const { hold, holdId, why, until } = held(1) as Extract<DeliveredEvent, { type: 'held' | 'reminder' }>;
  const reminder = delivered(1, { type: 'reminder', hold, holdId, why, until }, { id: `${RUN}-1-half` });
  const reset = { runId: OTHER_RUN, status: RUNNING };

  test.each<[string, Latest, boolean]>([
    ['whose run goes on', { runId: RUN, status: RUNNING }, true],
    ['whose run was terminated', { runId: RUN, status: TERMINATED }, false],
    ['whose run was followed by another one that has ended', { ...reset, status: COMPLETED }, false],
    ['whose run was terminated, and whose build is released again', { ...reset, holdId: null }, false],
    ['whose run was reset to before its hold', { ...reset, holdId: 'h1-def456' }, false],
    ['whose run was reset to after its hold', { ...reset, holdId }, true],
    ['whose next run does not answer', reset, true],
  ])('%s', async (_what, latest, isSent) => {
    const sink = chat();
    expect(await worker([sink], latest)(reminder)).toBeNull();
    expect(sink.ids).toEqual(isSent ? [reminder.id] : []);
  });
});
