import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { createPublishActivities, type EventSink } from '../../activities/publish.js';
import { countersOf } from '../../activities/sinks/counters.js';
import { logLines } from '../../activities/sinks/log-lines.js';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';

const event = (number: number): DeliveredEvent => ({
  type: 'phase-entered',
  phase: 'soaking',
  why: 'for 6m',
  id: `run-${number}`,
  at: '2026-11-25T03:00:00.000Z',
  workflow: 'CanaryRelease',
  workflowId: 'canary-release-4c1d56e',
});
const alarm: DeliveredEvent = { ...event(1), type: 'alarm', alarm: 'move-split', why: 'two builds' };

/** Sink that keeps the ids that it got, and fails while `fails` says so. */
function recorder(name: string, fails: (id: string) => boolean = () => false): EventSink & { ids: string[] } {
  const ids: string[] = [];
  return {
    name,
    ids,
    async deliver({ id }) {
      if (fails(id)) throw new Error(`no answer for ${id}`);
      ids.push(id);
    },
  };
}

/** Publishes as an activity of one worker does. */
function publisher(...sinks: EventSink[]) {
  const { publish } = createPublishActivities({ sinks });
  return (...events: DeliveredEvent[]): Promise<void> => new MockActivityEnvironment().run(publish, events);
}

describe('publish', () => {
  test('delivers a batch to every sink in order', async () => {
    const [one, other] = [recorder('one'), recorder('other')];
    await publisher(one, other)(event(1), event(2));
    expect([one.ids, other.ids]).toEqual([
      ['run-1', 'run-2'],
      ['run-1', 'run-2'],
    ]);
  });

  test('delivers to the other sinks when one fails, and a retry delivers only what failed', async () => {
    let isDown = true;
    const [broken, healthy] = [recorder('chat', (id) => isDown && id === 'run-1'), recorder('healthy')];
    const publish = publisher(broken, healthy);
    await expect(publish(event(1), event(2))).rejects.toThrow(/^events were not delivered: chat: no answer for run-1$/);
    isDown = false;
    await publish(event(1), event(2));
    expect({ broken: broken.ids, healthy: healthy.ids }).toEqual({
      broken: ['run-2', 'run-1'],
      healthy: ['run-1', 'run-2'],
    });
  });

  test('keeps the newest 10,000 ids of a sink', async () => {
    const sink = recorder('sink');
    const publish = publisher(sink);
    await publish(...Array.from({ length: 10_001 }, (_, number) => event(number)));
    sink.ids.length = 0;
    await publish(event(0), event(2), event(10_000));
    expect(sink.ids).toEqual(['run-0']);
  });
});

test.each<[string, EventSink]>([
  ['log lines', logLines],
  ['counters', countersOf(parseLane(''))],
])('a batch that is published again is delivered to %s once', async (_name, sink) => {
  const delivered: string[] = [];
  const counted: EventSink = {
    name: sink.name,
    async deliver(one) {
      await sink.deliver(one);
      delivered.push(one.id);
    },
  };
  const publish = publisher(counted);
  await publish(alarm);
  await publish(alarm);
  expect(delivered).toEqual(['run-1']);
});
