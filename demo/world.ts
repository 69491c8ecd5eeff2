import { pullBuild, pushBuild, retag, tagDigest } from '../testbed/images.js';
import { startRegistry } from '../testbed/registry-server.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { startTenant, type Tenant } from '../testbed/tenant.js';
import type { Build } from './builds.js';
import type { Row } from './view.js';

/** The platform's two images; tenants run the second. */
const PLATFORM = 'molecule-ai/platform';
const TENANT = 'molecule-ai/platform-tenant';
const REPOSITORIES = [PLATFORM, TENANT];

// A real auto-updater's five minutes and its restart, shortened; unlike each other, so that tenants do not march in step.
const CYCLES_MS = [1_500, 1_700, 2_000];
const RESTART_MS = 500;
const GLANCE_MS = 300;

/** All that is around the gate: Temporal, a registry, and the tenants that follow its tags. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/** Starts everything; each part says through `onStop` how it is stopped again, also when a later one fails to start. */
export async function startWorld(onStop: (stop: () => Promise<void>) => void) {
  const started = <T extends { stop(): Promise<void> }>(part: T): T => {
    onStop(() => part.stop());
    return part;
  };
  const [temporal, registry] = await Promise.all([
    startTemporalServer({ ui: true }).then(started),
    startRegistry().then(started),
  ]);
  const at = (repository: string) => ({ registry: registry.host, repository });

  const follow = (prefix: string, tag: string, count: number): Promise<Tenant[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const pull = { ...at(TENANT), tag, cycleMs: CYCLES_MS[index] ?? 2_000, restartMs: RESTART_MS };
        const name = `${prefix}-${index + 1}`;
        return started(await startTenant({ name, token: `demo-token-of-${name}`, pull }));
      }),
    );
  const canaries = await follow('canary', 'canary', 3);
  const production = await follow('prod', 'latest', 2);

  const shown = { canary: '', latest: '' };
  const glance = async () => {
    for (const tag of ['canary', 'latest'] as const) shown[tag] = (await pullBuild({ ...at(TENANT), tag }))?.sha ?? '';
  };
  // For the eye alone: a look that fails is tried again at the next tick.
  const glancing = setInterval(() => void glance().catch(() => undefined), GLANCE_MS);
  onStop(async () => clearInterval(glancing));

  const row = (tag: 'canary' | 'latest', tenants: Tenant[]): Row => ({
    tag: `:${tag}`,
    build: shown[tag].slice(0, 7) || '-',
    tenants: tenants.map((tenant) => ({ name: tenant.name, runs: runs(tenant) })),
  });

  return {
    temporal,
    registry,
    canaries,
    production,
    /** As `CANARY_IMAGES` names them. */
    images: REPOSITORIES.map((repository) => `${registry.host}/${repository}`),
    /** Pushes both images of a build as `:staging-<sha7>` only, as publishing does. */
    publish: async (build: Build): Promise<Record<string, string>> => {
      const { sha, misbehave } = build;
      const pushed = REPOSITORIES.map(async (repository) => {
        const { digest } = await pushBuild({ ...at(repository), tag: staging(build), sha, misbehave });
        return [`${registry.host}/${repository}`, digest] as const;
      });
      return Object.fromEntries(await Promise.all(pushed));
    },
    /** Points a tag of both images at a build: as it was done before the gate. */
    point: async (tag: 'canary' | 'latest', build: Build): Promise<void> => {
      await Promise.all(REPOSITORIES.map((it) => retag({ ...at(it), from: staging(build), to: tag })));
    },
    /** Where `:latest` of each image stands, read from the registry. */
    latest: async (): Promise<Record<string, string>> => {
      const read = REPOSITORIES.map(async (repository) => {
        const digest = await tagDigest(registry.host, repository, 'latest');
        return [`${registry.host}/${repository}`, digest ?? 'none'] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    },
    /** The live rows. */
    rows: (): Row[] => [row('canary', canaries), row('latest', production)],
  };
}

/** What a tenant runs, in at most ten letters. */
export function runs(tenant: Tenant): string {
  return tenant.state() === 'running' ? tenant.sha().slice(0, 7) || '-' : 'restart';
}

function staging(build: Build): string {
  return `staging-${build.sha7}`;
}
