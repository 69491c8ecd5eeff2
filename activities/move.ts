import { activityInfo, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Config } from '../src/config/schema.js';
import type { Tag } from '../src/contract/image.js';
import type { MoveReport, RunRef } from '../src/contract/lane.js';
import { reportMoveSignal, reportMoveUpdate } from '../src/contract/messages.js';
import { isWhole, type MovedImage, type MoveInput, type MoveProgress, type TagState } from '../src/contract/move.js';
import type { PinnedImage } from '../src/contract/release.js';
import { metrics } from '../src/metrics/metrics.js';
import { withGate } from '../src/metrics/table.js';
import { moveTags } from '../src/move/move-tags.js';
import { observeLatest } from '../src/move/observe.js';
import { pointTag } from '../src/move/point-tag.js';
import { preflight } from '../src/move/preflight.js';
import type { MoveWaits } from '../src/move/waits.js';
import { MoveRefusal } from '../src/move/write-lease.js';
import type { Registry } from '../src/registry/context.js';
import { timeNow } from '../src/temporal/faults/server-time.js';
import { type LaneClient, LaneRefused } from '../src/temporal/lane-client.js';
import { attemptClock, silentBefore } from './clock.js';
import { nothingWritten } from './failures.js';
import { ownRun, withHeartbeat } from './heartbeat.js';
import { type AuthorizerFor, canaryTagAuthorizer } from './move-authorizer.js';

/** Minimum silence of the previous attempt, in milliseconds: it heartbeats every second while it can refresh its lease, and is declared dead after 5 s. */
const MIN_SILENCE_MS = 3_000;

/** How long a report waits for the lane, in milliseconds: longer than the lane may take to look the mover up. One that is sent again is looked up again. */
export const REPORT_MS = 20_000;

/** Heartbeat details of `moveTags`; a heartbeat without them would erase them. */
interface Progress {
  /** Whether a PUT may have been sent. */
  begun: boolean;
  /** Time of the heartbeat, epoch in milliseconds, by Temporal's clock as its worker knew it. */
  at: number;
  /** Whether this mover has lost contact: it goes forward in no later attempt either. */
  lost?: boolean;
  /** Images that are not at their target yet. */
  images: MoveProgress[];
}

/** What the activities of a mover depend on. */
export interface MoveDependencies {
  config: Pick<Config, 'lane'>;
  client: Client;
  registry: Registry;
  lane: LaneClient;
  authorizerFor: AuthorizerFor;
  waits: MoveWaits;
}

/** Activities that read and write `:latest` and the canary tag. */
export function createMoveActivities({ config, client, registry, lane, authorizerFor, waits }: MoveDependencies) {
  return {
    /** Checks everything before the first write, and returns where `:latest` is, so that the history keeps it. */
    preflightMove: (input: MoveInput): Promise<TagState[]> =>
      withHeartbeat(() =>
        preflight(registry, input, cancellationSignal(), (warning) => log.warn('rollback.warned', { warning })),
      ),

    /** Writes `:latest` of all images, together. */
    async moveTags(input: MoveInput, observed: TagState[], parent: RunRef | null): Promise<MovedImage[]> {
      const { workflowExecution: run, heartbeatDetails, activityId, attempt, scheduledTimestampMs } = activityInfo();
      const earlier = heartbeatDetails as Progress | undefined;
      const clock = attemptClock();
      // If Temporal does not tell: the worker of the attempt before had a clock of its own, and two that differ by so much tell nothing.
      const sinceMs = timeNow(client) - (earlier?.at ?? scheduledTimestampMs);
      const silentMs = attempt === 1 ? 0 : ((await silentBefore(client)) ?? sinceMs);
      const isLong = (ms: number) => Math.abs(ms) > waits.lostMs;
      // An attempt that ended before it looked sent heartbeats too, with what the one before it had noted.
      const isAway = isLong(silentMs) || (earlier !== undefined && isLong(sinceMs));
      const lostContact = isAway || earlier?.lost === true || input.afterEnded === true;
      const progress: Progress = {
        begun: earlier?.begun ?? false,
        images: [],
        get at() {
          return timeNow(client);
        },
        ...(lostContact && { lost: true }),
      };
      heartbeat(progress);
      // What the attempt before sent last has arrived by then.
      const inFlightUntil = performance.now() + waits.windowMs + waits.putTimeoutMs - MIN_SILENCE_MS;
      const move = () =>
        moveTags({
          registry,
          waits,
          input,
          observed,
          authorizer: authorizerFor({ ...(run as RunRef), activityId, attempt, clock }, parent, input),
          begun: progress.begun,
          retried: attempt > 1,
          lostContact,
          ...(attempt > 1 && { inFlightUntil }),
          onTrouble(image) {
            progress.images = [...progress.images.filter(({ repository }) => repository !== image.repository), image];
          },
          onSplit: (ms) =>
            metrics.observe('canary_pair_split_seconds', withGate(config.lane, { kind: input.kind }), ms / 1_000),
          onBegin() {
            progress.begun = true;
            heartbeat(progress);
          },
          signal: cancellationSignal(),
        });
      const images = await withHeartbeat(move, progress).catch((error: unknown) => {
        // What the earlier attempt sent has arrived by then, and was read. A heartbeat of the future proves no silence.
        const isLate = silentMs > waits.lostMs && error instanceof MoveRefusal && error.refusal === 'latest-moved';
        throw isLate || !(progress.begun || attempt > 1) ? nothingWritten(error) : error;
      });
      const { sha, kind, by, reason } = input;
      const level = isWhole(images) ? 'info' : 'error';
      // The log line is the audit trail that outlives Temporal's retention.
      log[level]('latest.moved', { event: 'latest.moved', kind, sha, by, reason, images, parent, run });
      return images;
    },

    /** Reads `:latest` of each image if the mover cannot report what it did. */
    whereLatestStands: (input: MoveInput): Promise<TagState[]> =>
      observeLatest(
        registry,
        input.images.map(({ repository }) => repository),
        { signal: cancellationSignal(), tolerant: input.kind === 'rollback' },
      ),

    /** Points the canary tag of every image at a build. */
    pointTag: (tag: Tag, images: Pick<PinnedImage, 'repository' | 'digest'>[]): Promise<void> =>
      withHeartbeat(() => {
        const authorizer = canaryTagAuthorizer(lane, ownRun(), waits.silenceMs);
        return pointTag({ registry, authorizer, waits, tag, images, signal: cancellationSignal() });
      }),

    /** Reports a move to the lane, before its mover ends. */
    reportMove: (report: MoveReport): Promise<void> =>
      withHeartbeat(async () => {
        try {
          await lane.update(reportMoveUpdate, report, report.input.laneUnavailable ? undefined : REPORT_MS);
        } catch (error) {
          if (!report.input.laneUnavailable || error instanceof LaneRefused) throw error;
          // It reads that when it is back, after the announcement.
          await lane.signal(reportMoveSignal, report);
        }
      }),
  };
}
