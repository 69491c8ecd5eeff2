import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { applyCommand } from '../../src/lane/commands.js';
import { noteDrift, parseDrift } from '../../src/lane/drift.js';
import { MAX_QUEUE } from '../../src/lane/limits.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import {
  parseHolderReport,
  parseLaneRequest,
  parseMoveQuestion,
  parseMoveReport,
  parseRollbackRequest,
} from '../../src/lane/payloads/parse.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { noteVerdict, verdictOfReport } from '../../src/lane/verdicts.js';
import { runs } from '../support/rows.js';
import { laneAt, NOON, tagsOf } from './lane-support.js';

const MAX_BYTES = 256 * 1024;
/** Times that each kind of message is sent: as often as a list of the ledger is long, and more. */
const TIMES = 250;

/** Texts that are as long as they can be when they are written as JSON: six bytes a character. */
const text = fc
  .constantFrom('\u0001', '\ud800', '"\\', 'ü', '漢', '😀', 'x\n')
  .map((unit) => unit.repeat(200).slice(0, 200));
const long = fc.constantFrom('\u0001', '\ud800', '漢', 'x').map((unit) => unit.repeat(1_999));
const images = fc.constantFrom(1, 2, 50, 51).map((count) =>
  Array.from({ length: count }, (_, index) => ({
    repository: `registry.example/${'a'.repeat(200)}/${index}`,
    digest: `sha256:${'d'.repeat(64)}`,
  })),
);
const until = fc.constantFrom(
  undefined,
  '2030-01-01T00:00:00Z',
  `2030-01-01 (${'y'.repeat(1_900_000)})`,
  `2030-01-01 (${'y'.repeat(20)})`,
);

const line = fc.constantFrom('漢', '"', 'x').map((unit) => unit.repeat(500));

const hostile = fc.record({ by: text, reason: long, images, until, hold: line });

/** Sends one message of each kind as a client would; what does not parse changes nothing. */
function sendAll(
  state: LaneState,
  nth: number,
  {
    by,
    reason,
    images,
    until,
    hold,
  }: { by: string; reason: string; images: object[]; until: string | undefined; hold: string },
): void {
  const sha = `${nth.toString(16).padStart(7, '0')}${'e'.repeat(33)}`;
  const run = { workflowId: `canary-release-${sha.slice(0, 7)}`, runId: randomUUID() };
  const targets = images.map((image) => ({ ...image, to: `sha256:${'d'.repeat(64)}`, from: null }));
  const input = { kind: 'promotion', sha, images: targets, by, reason };
  const results = images.map((image) => ({
    ...image,
    previous: null,
    result: 'conflict',
    latest: `sha256:${'f'.repeat(64)}`,
  }));
  const dropped = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      expect((error as Error).name).toBe('InvalidInput');
    }
  };
  const given = <T>(value: T | null, act: (value: T) => unknown) => (value === null ? undefined : act(value));
  for (const manual of [true, false])
    dropped(() =>
      given(parseLaneRequest({ ...run, runId: randomUUID(), sha, sequence: nth, manual }), (one) =>
        enqueue(state, one),
      ),
    );
  grant(state, NOON);
  dropped(() =>
    given(parseHolderReport({ runId: state.holder?.runId, heldFor: { hold, preemptibleAt: 1e300 } }), () => undefined),
  );
  const mover = { moverRunId: randomUUID(), parent: state.holder ?? run, input };
  dropped(() => authorizeMove(state, parseMoveQuestion({ ...mover, latest: images }), NOON));
  dropped(() => reportMove(state, parseMoveReport({ ...mover, images: results }), NOON));
  dropped(() =>
    beginRollback(
      state,
      parseRollbackRequest({ ...run, runId: randomUUID(), sha, by, reason, force: nth % 2 === 0, images }),
      NOON,
    ),
  );
  // Its mover has ended.
  state.move = null;
  dropped(() =>
    noteDrift(
      state,
      parseDrift({
        expectedAt: state.ledger.expectedLatest?.at,
        moved: tagsOf('f'),
        missing: Array(20).fill({ sha, repository: 'registry.example/x', text: hold }),
      }),
    ),
  );
  const report = {
    sha,
    verdict: 'RED',
    ended: '2026-11-25T12:00:00Z',
    tenants: Array(9).fill({ tenant: by, checks: [{ check: reason, verdict: 'fail' }] }),
  };
  given(verdictOfReport(report, randomUUID()), (verdict) => noteVerdict(state, verdict));
  for (const command of ['pause', 'adopt', 'drop', 'unbad'])
    applyCommand(state, command, { by, reason, images, until, sha }, NOON);
}

test('the state stays below 256 KiB, and one that the next run reads, whatever people and programs write', () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (messages) => {
      const state = laneAt('a');
      for (let nth = 0; nth < TIMES; nth += 1)
        sendAll(state, nth, messages[nth % messages.length] as (typeof messages)[number]);
      expect(Buffer.byteLength(JSON.stringify(state))).toBeLessThan(MAX_BYTES);
      expect(state.queue.length).toBeLessThanOrEqual(MAX_QUEUE + 1);
      expect(parseLaneState(JSON.parse(JSON.stringify(state)))).not.toBeNull();
    }),
    { numRuns: runs(12, 1), seed: 20_261_128, interruptAfterTimeLimit: 60_000 },
  );
}, 90_000);

test('a pause keeps the time, and nothing that stands beside it', () => {
  const state = laneAt('a');
  const sent = { by: 'ada', reason: 'looked at it', until: '1 Jan 2030 00:00 GMT (ESC[2K)' };
  expect(applyCommand(state, 'pause', sent, NOON)).toEqual({ answer: 'paused until 2030-01-01T00:00:00.000Z' });
  expect(state.ledger.pause?.until).toBe('2030-01-01T00:00:00.000Z');
  expect(applyCommand(state, 'pause', { ...sent, until: `1 Jan 2031 (${'y'.repeat(99)})` }, NOON)).toMatchObject({
    refused: /invalid until/,
  });
});

test('a queue that is full takes no more by hand, and still the newest build', () => {
  const state = laneAt('a');
  const ask = (nth: number, manual: boolean) => {
    const sha = nth.toString(16).padStart(7, '0');
    const request = parseLaneRequest({ workflowId: `canary-release-${sha}`, runId: randomUUID(), sha, manual });
    if (request) enqueue(state, request);
  };
  for (let nth = 0; nth < 500; nth += 1) ask(nth, true);
  expect(state.queue).toHaveLength(MAX_QUEUE);
  ask(501, false);
  expect(state.queue.at(-1)?.sha).toBe((501).toString(16).padStart(7, '0'));
});
