import { startControlPlane } from '../testbed/control-plane.js';
import { pullBuild, pushBuild, retag, tagDigest } from '../testbed/images.js';
import { startRegistry } from '../testbed/registry-server.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { startTenant, type Tenant } from '../testbed/tenant.js';
import type { Build } from './builds.js';
import type { Row } from './view.js';

/** The two images of the platform; tenants run the second. */
const PLATFORM = 'molecule-ai/platform';
const TENANT = 'molecule-ai/platform-tenant';
const REPOSITORIES = [PLATFORM, TENANT];

// Update cycles and restart, shortened from five minutes; the cycles differ, so that tenants do not update at the same time.
const CYCLES_MS = [1_500, 1_700, 2_000];
const RESTART_MS = 500;
const PROVISION_MS = 300;
const REFRESH_MS = 300;

/** Everything around the gate: Temporal, a registry, and the tenants that follow its tags. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/** Starts everything; each part registers its stop with `onStop`, which runs even if a later part fails to start. */
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

  const startOne = async (name: string, tag: string, index: number): Promise<Tenant> => {
    const pull = { ...at(TENANT), tag, cycleMs: CYCLES_MS[index] ?? 2_000, restartMs: RESTART_MS };
    return started(await startTenant({ name, token: `demo-token-of-${name}`, pull }));
  };
  const follow = (prefix: string, tag: string, count: number): Promise<Tenant[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => startOne(`${prefix}-${index + 1}`, tag, index)));
  const canaries = await follow('canary', 'canary', 2);
  const controlPlane = started(
    await startControlPlane({
      adminToken: 'demo-token-of-the-control-plane',
      provisionMs: PROVISION_MS,
      async instance(slug) {
        const tenant = await startOne(slug, 'canary', canaries.length);
        canaries.push(tenant);
        return tenant;
      },
    }),
  );
  const production = await follow('prod', 'latest', 2);

  const shown = { canary: '', latest: '' };
  const refresh = async () => {
    for (const tag of ['canary', 'latest'] as const) shown[tag] = (await pullBuild({ ...at(TENANT), tag }))?.sha ?? '';
  };
  // For display only: a failed read is repeated at the next tick.
  const refreshing = setInterval(() => void refresh().catch(() => undefined), REFRESH_MS);
  onStop(async () => clearInterval(refreshing));

  const row = (tag: 'canary' | 'latest', tenants: Tenant[]): Row => ({
    tag: `:${tag}`,
    build: shown[tag].slice(0, 7) || '-',
    tenants: tenants.map((tenant) => ({ name: tenant.name, runs: runs(tenant) })),
  });

  return {
    temporal,
    registry,
    /** Those that run; the control plane adds the third. */
    canaries,
    production,
    controlPlane,
    /** Value of `CANARY_IMAGES`. */
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
    /** Points a tag of both images to a build, as was done before the gate. */
    point: async (tag: 'canary' | 'latest', build: Build): Promise<void> => {
      await Promise.all(REPOSITORIES.map((it) => retag({ ...at(it), from: staging(build), to: tag })));
    },
    /** Digest of `:latest` of each image, read from the registry. */
    latest: async (): Promise<Record<string, string>> => {
      const read = REPOSITORIES.map(async (repository) => {
        const digest = await tagDigest(registry.host, repository, 'latest');
        return [`${registry.host}/${repository}`, digest ?? 'none'] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    },
    /** Rows for the live view. */
    rows: (): Row[] => [row('canary', canaries), row('latest', production)],
  };
}

/** Build that a tenant runs, or its state, in at most seven characters. */
export function runs(tenant: Tenant): string {
  return tenant.state() === 'running' ? tenant.sha().slice(0, 7) || '-' : 'restart';
}

function staging(build: Build): string {
  return `staging-${build.sha7}`;
}
