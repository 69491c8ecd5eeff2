import { cancellationSignal } from '@temporalio/activity';
import { planRelease } from '../src/config/plan.js';
import { ConfigError } from '../src/config/schema.js';
import { type Repository, stagingTag } from '../src/contract/image.js';
import type { RecordedImage, TagState } from '../src/contract/move.js';
import type { PinnedImage, Plan, ReleaseInput } from '../src/contract/release.js';
import type { Sha } from '../src/contract/sha.js';
import { floorEvidence } from '../src/lane/rollback.js';
import { resolveBuild } from '../src/move/resolve-build.js';
import { NO_EVIDENCE, withFloor } from '../src/move/rollback-floor.js';
import type { MoveWaits } from '../src/move/waits.js';
import { readTag } from '../src/registry/read-tag.js';
import { adoptedAlone } from './border/images.js';
import type { ActivityDependencies } from './dependencies.js';
import { retryUnreadableFleet } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { quarantinesOf } from './tenants.js';

/** Activity that plans a run. */
export function createPlanActivities({
  config,
  client,
  suite,
  retryBudgetMs,
  lane,
}: Pick<ActivityDependencies, 'config' | 'client' | 'suite' | 'retryBudgetMs' | 'lane'>) {
  return {
    /** Makes the plan of a run, which is fixed to its end. */
    async loadPlan(input: ReleaseInput): Promise<Plan> {
      if (suite === null)
        throw new ConfigError([
          `CANARY_SMOKE_SUITE: ${config.smokeSuite} cannot be used (fix it, and restart the worker)`,
        ]);
      const quarantines = await quarantinesOf({ client, lane });
      return retryUnreadableFleet(retryBudgetMs.registry, () =>
        withHeartbeat(() => planRelease(config, input, retryBudgetMs, cancellationSignal(), quarantines)),
      );
    },

    /**
     * Images of the gate, the tag that the canary tenants follow, and whether a rollback needs a verified identity: all that a rollback
     * reads of the configuration. `left`: images that the ledger has for its target, and that it leaves where they are.
     */
    async loadImages(
      sha?: Sha,
    ): Promise<Pick<Plan, 'images' | 'optional' | 'tag'> & { rollbackVerified?: true; left?: Repository[] }> {
      const { images, optionalImages, canaryTag, requireVerified } = config;
      const left = sha === undefined ? [] : await withHeartbeat(() => adoptedAlone({ config, lane }, sha));
      return {
        images,
        ...(optionalImages.length > 0 && { optional: optionalImages }),
        ...(canaryTag && { tag: canaryTag }),
        ...(requireVerified.includes('rollback') && { rollbackVerified: true }),
        ...(left.length > 0 && { left }),
      };
    },
  };
}

/** Activities that read a build from the registry. */
export function createRegistryActivities({
  registry,
  lane,
  waits: { surpriseMs: absentMs },
}: Pick<ActivityDependencies, 'registry' | 'lane'> & { waits: Pick<MoveWaits, 'surpriseMs'> }) {
  return {
    /** Pins the digest of every image of a build; of the `optional` ones only those that it has. */
    resolveBuild: (sha: Sha, repositories: Repository[], optional: Repository[] = []): Promise<PinnedImage[]> =>
      withHeartbeat(() => resolveBuild(registry, sha, repositories, cancellationSignal(), { optional, absentMs })),

    /** Pins the digests of the target of a rollback; `known`: those that the ledger has for it. Missing manifests are named. */
    resolveTarget: (
      sha: Sha,
      repositories: Repository[],
      known: RecordedImage[],
      optional: Repository[] = [],
    ): Promise<PinnedImage[]> =>
      withHeartbeat(async () => {
        const signal = cancellationSignal();
        const options = { known, incomplete: true, optional };
        const [pinned, state] = await Promise.all([
          resolveBuild(registry, sha, repositories, signal, options),
          lane.state(),
        ]);
        return withFloor(registry, sha, pinned, state ? floorEvidence(state.ledger, sha) : NO_EVIDENCE, signal);
      }),

    /** Reads where the build's tag points now, for each image. */
    async readBuildTags(sha: Sha, repositories: Repository[]): Promise<TagState[]> {
      return withHeartbeat(() =>
        Promise.all(
          repositories.map(async (repository) => ({
            repository,
            digest: await readTag(registry, repository, stagingTag(sha), cancellationSignal()),
          })),
        ),
      );
    },
  };
}
