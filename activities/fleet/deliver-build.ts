import { activityInfo, Context, cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { ActivityCancelledError, type Client } from '@temporalio/client';
import { ConfigError } from '../../src/config/schema.js';
import { stagingTag } from '../../src/contract/image.js';
import { type RecordedImage, whereItStands } from '../../src/contract/move.js';
import { sameBuild, shortSha } from '../../src/contract/sha.js';
import { DELIVERY_PART_MS, type WatchInput } from '../../src/contract/tenants/production.js';
import { moveToDeliver } from '../../src/lane/rollback.js';
import { readTag } from '../../src/registry/read-tag.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { ControlPlaneError } from '../../src/tenants/control-plane/client.js';
import { judgeRedeploy } from '../../src/tenants/control-plane/delivery.js';
import { temporalNow } from '../clock.js';
import type { ActivityDependencies } from '../dependencies.js';
import { type Wait, whileWaiting } from '../heartbeat.js';
import { describeDrift } from '../lane/check-drift.js';
import { accessOf } from '../tenants.js';

/** Time-out of the note that the order goes out, in milliseconds. */
const NOTE_MS = 5_000;

/** What became of a delivery. */
export interface Delivered {
  delivered: boolean;
  why: string;
}

/** Heartbeat details: whether the order may have been sent. Without them it was not. */
interface Noted {
  sent: boolean;
}

type Delivery = WatchInput & { movedAt: string };
type DeliveryDependencies = Pick<ActivityDependencies, 'config' | 'client' | 'stopping' | 'lane' | 'registry'> & {
  waits: Pick<ActivityDependencies['waits'], 'surpriseMs'>;
};

/** Until when this attempt waits until the order may go out, and until when it may, by `performance.now()`. The attempts before count too. */
function orderTimes(client: Client, limitMs: number): { endsAt: number; lastAt: number } {
  const { scheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
  // A worker may have come late to it.
  const past = temporalNow(client) - scheduledTimestampMs;
  const scheduled = performance.now() - past;
  // The answer and the look for one that was lost have a part each.
  return { endsAt: scheduled + limitMs, lastAt: scheduled + scheduleToCloseTimeoutMs - 2 * limitMs };
}

/** Activity that has the control plane take a build to production. @param limitMs of each part, shortened by tests. */
export function createDeliveryActivities(dependencies: DeliveryDependencies, limitMs = DELIVERY_PART_MS) {
  const { config, client, stopping, lane, registry, waits } = dependencies;
  const { controlPlane, productionFleet, deliveryCanary, deliverySoakMs, deliveryBatch } = config;

  /** Whether every production tenant reports the build. */
  const isEverywhere = async ({ sha }: WatchInput): Promise<boolean> => {
    const tenants = (await productionFleet?.read(cancellationSignal()))?.tenants ?? [];
    const access = await accessOf(productionFleet, 'production');
    const builds = await askBuilds(tenants, config.buildProbe, access, cancellationSignal());
    return builds.length > 0 && builds.every(({ build }) => build !== null && sameBuild(build, sha));
  };

  /** Looks for the answer where it can be found again: on the tenants. An order whose answer was lost may be carried out still, so it is not sent again. */
  const findAnswer = async (input: WatchInput, lost: string, wait: Wait): Promise<Delivered> => {
    for (const endsAt = performance.now() + limitMs; ; await wait.sleep(config.pollMs)) {
      const isThere = await isEverywhere(input).catch(() => {
        cancellationSignal().throwIfAborted();
        return false;
      });
      if (isThere) return { delivered: true, why: `every production tenant reports the build (${lost})` };
      if (performance.now() >= endsAt)
        return {
          delivered: false,
          why: `not every production tenant reports ${shortSha(input.sha)} (${lost}; the order was not repeated)`,
        };
    }
  };

  /** Why the build's own tag, which the order names and others may write, does not have what was moved; null if it has. */
  const otherBuild = async (input: Delivery, images: RecordedImage[]): Promise<string | null> => {
    const tag = stagingTag(input.sha);
    const lines = images.map(async ({ repository, digest, unchanged }) => {
      const found = await readTag(registry, repository, tag, cancellationSignal());
      // An image that the build does not have must have no such tag: the control plane would take it.
      const moved = unchanged ? null : digest;
      return found === moved
        ? []
        : [`${whereItStands({ repository, digest: found }, tag)}, which is not what was moved`];
    });
    const others = (await Promise.all(lines)).flat();
    return others.length === 0 ? null : others.join('; ');
  };

  /** Why the order may not go out, or not yet; null if it may. A lane that does not answer is asked again: nothing is ordered without it. */
  const whyNot = async (input: Delivery): Promise<{ no: string } | { later: string } | null> => {
    const move = await moveOf(input);
    if (!('images' in move)) return move;
    const other = await confirmed(() => otherBuild(input, move.images));
    if (other !== null) return { no: other };
    // A person with crane, or `--direct`, may have gone back already: the lane hears of it minutes later.
    const drift = await describeDrift(registry, move.images, waits.surpriseMs);
    if (drift !== null) return { no: drift };
    // The reads above may have taken a minute, and reads lag: a rollback that began meanwhile is known to the lane alone.
    const now = await moveOf(input);
    return 'images' in now ? null : now;
  };

  /** The move to deliver, by the lane as it is now. */
  const moveOf = async (input: Delivery) => {
    const state = await lane.state();
    return state === null ? { later: 'the lane does not answer' } : moveToDeliver(state, input);
  };

  /** A fault that is still there when it is looked for again: a second read excludes a stale one. */
  const confirmed = async (find: () => Promise<string | null>): Promise<string | null> => {
    if ((await find()) === null) return null;
    await sleep(waits.surpriseMs);
    return find();
  };

  /** Notes whether the order may have been sent. The worker holds heartbeats back for seconds, so the server is told directly: without its answer nothing is sent. */
  const note = async (wait: Wait, noted: Noted): Promise<void> => {
    wait.note(noted);
    heartbeat(noted);
    try {
      await client.withDeadline(Date.now() + NOTE_MS, () => client.activity.heartbeat(activityInfo().taskToken, noted));
    } catch (error) {
      // This attempt ends here, and nothing is under way.
      heartbeat({ sent: false } satisfies Noted);
      if (error instanceof ActivityCancelledError) await Context.current().cancelled;
      throw error;
    }
  };

  return {
    /** Has the control plane redeploy all tenants with the build, once, if it is the one that `:latest` was moved to last. */
    deliverBuild: (input: Delivery): Promise<Delivered> =>
      whileWaiting({ client, stopping }, async (wait) => {
        if (controlPlane === null || deliveryCanary === null)
          throw new ConfigError(['CANARY_DELIVERY=control-plane is no longer configured']);
        // The worker that sent the order is gone, and so is the answer.
        if ((activityInfo().heartbeatDetails as Noted | undefined)?.sent)
          return findAnswer(input, 'a worker was lost with the answer', wait);
        const order = {
          target_tag: stagingTag(input.sha),
          canary_slug: deliveryCanary,
          soak_seconds: Math.ceil(deliverySoakMs / 1_000),
          batch_size: deliveryBatch,
        };
        const { endsAt, lastAt } = orderTimes(client, limitMs);
        for (; ; await wait.sleep(config.pollMs)) {
          const obstacle = await whyNot(input);
          if (obstacle && 'no' in obstacle) return { delivered: false, why: `not ordered: ${obstacle.no}` };
          if (obstacle) {
            if (performance.now() < endsAt) continue;
            return { delivered: false, why: `not ordered: ${obstacle.later}` };
          }
          if (performance.now() > lastAt)
            return { delivered: false, why: 'not ordered: too late to wait for the answer to its end' };
          await note(wait, { sent: true });
          try {
            return judgeRedeploy(
              await controlPlane.redeployFleet(order, limitMs, cancellationSignal()),
              deliveryCanary,
            );
          } catch (error) {
            if (!(error instanceof ControlPlaneError)) throw error;
            if (error.kind === 'silent' && error.status !== 429) return findAnswer(input, error.message, wait);
            // Another redeploy runs, or too many calls: this one was not taken.
            const isLater = error.status === 409 || error.status === 429;
            if (!isLater || performance.now() >= endsAt) return { delivered: false, why: error.message };
            await note(wait, { sent: false });
          }
        }
      }),
  };
}
