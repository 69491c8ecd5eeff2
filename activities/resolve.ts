import { cancellationSignal } from '@temporalio/activity';
import { planRelease } from '../src/config/plan.js';
import { type Config, ConfigError } from '../src/config/schema.js';
import { type Repository, stagingTag } from '../src/contract/image.js';
import type { TagState } from '../src/contract/move.js';
import type { PinnedImage, Plan, ReleaseInput } from '../src/contract/release.js';
import type { Sha } from '../src/contract/sha.js';
import { resolveBuild } from '../src/move/resolve-build.js';
import type { Registry } from '../src/registry/context.js';
import { readTag } from '../src/registry/read-tag.js';
import type { Suite } from '../src/smoke/suite.js';
import { withHeartbeat } from './heartbeat.js';

/** Activity that plans a run. */
export function createPlanActivities(config: Config, suite: Suite | null, retryBudgetMs: Plan['retryBudgetMs']) {
  return {
    /** Makes the plan of a run, which is fixed to its end. */
    async loadPlan(input: ReleaseInput): Promise<Plan> {
      if (suite === null)
        throw new ConfigError([
          `CANARY_SMOKE_SUITE: ${config.smokeSuite} cannot be used (fix it, and restart the worker)`,
        ]);
      return planRelease(config, input, retryBudgetMs, cancellationSignal());
    },

    /** Images of the gate, the tag that the canary tenants follow, and whether a rollback needs a verified identity: all that a rollback reads of the configuration. */
    async loadImages(): Promise<Pick<Plan, 'images' | 'tag'> & { rollbackVerified?: true }> {
      const { images, canaryTag, requireVerified } = config;
      return {
        images,
        ...(canaryTag && { tag: canaryTag }),
        ...(requireVerified.includes('rollback') && { rollbackVerified: true }),
      };
    },
  };
}

/** Activities that read a build from the registry. */
export function createRegistryActivities(registry: Registry) {
  return {
    /** Pins the digest of every image of a build. */
    resolveBuild: (sha: Sha, repositories: Repository[]): Promise<PinnedImage[]> =>
      withHeartbeat(() => resolveBuild(registry, sha, repositories, cancellationSignal())),

    /** Pins the digests of the target of a rollback; `known`: those that the ledger has for it. Missing manifests are named. */
    resolveTarget: (sha: Sha, repositories: Repository[], known: TagState[]): Promise<PinnedImage[]> =>
      withHeartbeat(() => resolveBuild(registry, sha, repositories, cancellationSignal(), { known, incomplete: true })),

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
