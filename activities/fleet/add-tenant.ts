import { activityInfo, cancellationSignal, sleep } from '@temporalio/activity';
import type { Config } from '../../src/config/schema.js';
import { ConfigError } from '../../src/config/schema.js';
import type { PlannedTenant } from '../../src/contract/release.js';
import type { AddPlan, LeftAlone, OrgNow, Slug } from '../../src/contract/tenants/added.js';
import { whyUnreported } from '../../src/contract/tenants/build.js';
import { type TenantSmoke, verdictOf } from '../../src/contract/tenants/check.js';
import { judgingNow, smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { askBuilds, tellsBuild } from '../../src/tenants/ask-build.js';
import { ControlPlaneError } from '../../src/tenants/control-plane/client.js';
import { orgNow } from '../../src/tenants/control-plane/instance.js';
import type { ActivityDependencies } from '../dependencies.js';
import { whileWaiting, withHeartbeat } from '../heartbeat.js';
import { requireSuite } from '../tenants.js';

/** Longest time until an instance runs, and until a tenant that runs can be tested, in milliseconds: machines boot, names propagate. */
const [INSTANCE_MS, CHECK_MS] = [45 * 60_000, 15 * 60_000];
/** Polls in which an org is missing, or its instance failed, before that counts: a list may lag behind a call. */
const CONFIRMATIONS = 3;
/** Longest time until a deleted org is listed no more, in milliseconds; less than one attempt has. */
const GONE_MS = 60_000;
/** Slugs that no customer has: an org of one is taken up, and deleted, also if it is not marked. */
const isCanarySlug = (slug: Slug) => /^canary(?:-|$)/.test(slug);

/** What a check of a new tenant shows. */
export interface TenantChecked {
  build: string | null;
  /** Why it reports no build. */
  why: string | null;
  smoke: TenantSmoke;
}

type AddDependencies = Pick<ActivityDependencies, 'config' | 'suite' | 'client' | 'stopping'>;

/** Activities of `AddCanaryTenant`. Each asks the control plane first what is done already, so any of them may run again. */
export function createAddTenantActivities({ config, suite, client, stopping }: AddDependencies) {
  const { controlPlane, members } = config;
  const given = () => ({ signal: cancellationSignal() });
  const now = async (slug: Slug): Promise<OrgNow> =>
    orgNow(await required(controlPlane).orgs(cancellationSignal()), slug);
  /** Sends a call whose refusal may mean that it is done already. */
  const unlessRefused = async (call: Promise<unknown>): Promise<ControlPlaneError | null> => {
    try {
      await call;
      return null;
    } catch (error) {
      if (error instanceof ControlPlaneError && error.kind === 'refused') return error;
      throw error;
    }
  };
  const orgOf = async (slug: Slug) => {
    const org = (await required(controlPlane).orgs(cancellationSignal())).find((one) => one.slug === slug);
    if (org === undefined) throw new ControlPlaneError('refused', `GET /cp/admin/orgs: no org ${slug}`);
    return { id: org.id, origin: required(controlPlane).originOf(org) };
  };

  return {
    /** What adding a tenant changes here. */
    loadAddPlan: (slug: Slug): Promise<AddPlan> =>
      withHeartbeat(async () => {
        const isFleet = config.fleet?.fixed === 'control-plane';
        const problems = [
          ...(controlPlane === null ? ['tenants add needs CANARY_CP_BASE_URL and CANARY_CP_ADMIN_TOKEN'] : []),
          ...(members === null && !isFleet
            ? ['tenants add needs CANARY_FLEET_FILE or CANARY_FLEET_CONTROL_PLANE: other fleets change at their source']
            : []),
        ];
        if (problems.length > 0) throw new ConfigError(problems);
        const taken = (await takenInProduction(config, slug)) ?? (await takenInFleet(slug));
        const plan = { joins: members !== null, instanceMs: INSTANCE_MS, checkMs: CHECK_MS };
        return taken === null ? plan : { ...plan, taken };
      }),

    /** Creates the org, or takes up the one that is there. One whose creation lost its answer counts as taken up. */
    takeUpOrg: (slug: Slug): Promise<OrgNow & { isCreated: boolean }> =>
      withHeartbeat(async () => {
        const before = await now(slug);
        if (before.state !== 'absent') return { ...before, isCreated: false };
        const refused = await unlessRefused(required(controlPlane).createOrg(slug, given()));
        const after = await now(slug);
        // Created at the same time, or by an attempt whose answer was lost.
        if (refused && after.state === 'absent') throw refused;
        return { ...after, isCreated: refused === null };
      }),

    /** Marks the org as a canary; `provisioned` if it has an instance, so that the mark came too late.
     * @param isCreated by this run: else it may be a customer. */
    markOrg: (slug: Slug, isCreated: boolean): Promise<'marked' | 'provisioned' | LeftAlone> =>
      withHeartbeat(async () => {
        const before = await now(slug);
        if (before.isCanary === true) return 'marked';
        if (!isCreated && !isCanarySlug(slug)) return 'not-ours';
        const refused = await unlessRefused(required(controlPlane).markCanary(slug, given()));
        if (refused === null) return 'marked';
        const { state, isCanary } = await now(slug);
        if (isCanary === true) return 'marked';
        if (refused.status !== 409 || state === 'absent' || state === 'new') throw refused;
        return isCanary === null ? 'mark-unknown' : 'provisioned';
      }),

    /** Deletes the org with its instance, and waits until it is gone; a canary that runs is kept. */
    deleteOrg: (slug: Slug): Promise<'done' | LeftAlone> =>
      withHeartbeat(async () => {
        const { state, isCanary } = await now(slug);
        if (state === 'absent' || (state === 'running' && isCanary === true)) return 'done';
        if (isCanary !== true && !isCanarySlug(slug)) return 'not-ours';
        if (state === 'running' && isCanary === null) return 'mark-unknown';
        // The plan is older than the boot of an instance: it may have gone to production since.
        if ((await takenInProduction(config, slug)) !== null) return 'not-ours';
        const refused = await unlessRefused(required(controlPlane).deleteTenant(slug, given()));
        for (const endsAt = performance.now() + GONE_MS; ; await sleep(config.pollMs)) {
          if ((await now(slug)).state === 'absent') return 'done';
          // 409: it is being deleted.
          if (refused && (refused.status !== 409 || performance.now() >= endsAt)) throw refused;
          if (performance.now() >= endsAt)
            throw new ControlPlaneError('silent', `DELETE /cp/admin/tenants/${slug}: it is listed still`);
        }
      }),

    /** Starts the instance, unless it is on its way. */
    provisionOrg: (slug: Slug): Promise<void> =>
      withHeartbeat(async () => {
        const { state } = await now(slug);
        if (state === 'coming' || state === 'running') return;
        const refused = await unlessRefused(required(controlPlane).provision(slug, given()));
        if (refused && !['coming', 'running'].includes((await now(slug)).state)) throw refused;
      }),

    /** Polls until the instance runs, has failed, or the deadline (epoch of the server, ms). */
    awaitInstance: (slug: Slug, deadline: number): Promise<OrgNow & { origin: string | null }> =>
      whileWaiting({ client, stopping }, async (wait) => {
        const endsAt = performance.now() + deadline - activityInfo().currentAttemptScheduledTimestampMs;
        for (let bad = 0; ; ) {
          const seen = await now(slug);
          wait.note(seen);
          const isLost = seen.state === 'absent' || seen.isCanary === false;
          bad = isLost || seen.state === 'failed' ? bad + 1 : 0;
          const isRunning = seen.state === 'running' && !isLost;
          if (isRunning || bad >= CONFIRMATIONS || performance.now() >= endsAt)
            return { ...seen, origin: isRunning ? (await orgOf(slug)).origin : null };
          await wait.sleep(config.pollMs);
        }
      }),

    /** Takes the admin token from the control plane into the secret store. */
    storeToken: (slug: Slug): Promise<void> =>
      withHeartbeat(async () => {
        const { id: org, origin: url } = await orgOf(slug);
        const token = await required(controlPlane).adminToken(slug, given());
        await required(members).storeToken(slug, { url, org }, token, cancellationSignal());
      }),

    /** Asks the tenant for its build and runs the suite, until it can be tested or the deadline (epoch of the server, ms). */
    checkNewTenant: (slug: Slug, isStored: boolean, deadline: number): Promise<TenantChecked> =>
      whileWaiting({ client, stopping }, async (wait) => {
        const endsAt = performance.now() + deadline - activityInfo().currentAttemptScheduledTimestampMs;
        for (;;) {
          const checked = await check(slug, isStored);
          const verdict = verdictOf([checked.smoke]);
          const isTested = verdict === 'fail' || (verdict === 'pass' && checked.why === null);
          if (isTested || performance.now() >= endsAt) return checked;
          wait.note(checked);
          await wait.sleep(config.pollMs);
        }
      }),

    /** Puts the tenant into the fleet file; returns the copy of the file before, or null if it was there. */
    joinFleet: (slug: Slug): Promise<string | null> =>
      withHeartbeat(async () => {
        const { id: org, origin: url } = await orgOf(slug);
        return required(members).join(slug, { url, org }, cancellationSignal());
      }),
  };

  /** Another tenant of the fleet file that has the name, perhaps from its position: its token would be replaced. */
  async function takenInFleet(slug: Slug): Promise<string | null> {
    if (members === null || (await members.clash(slug, { url: null, org: null })) === null) return null;
    const org = (await required(controlPlane).orgs(cancellationSignal())).find((one) => one.slug === slug);
    return members.clash(slug, { url: addressOf(org ?? { slug }), org: org?.id ?? null });
  }

  function addressOf(org: { slug: string; url?: string | undefined }): string | null {
    try {
      return required(controlPlane).originOf(org);
    } catch (error) {
      if (error instanceof ControlPlaneError) return null;
      throw error;
    }
  }

  async function check(slug: Slug, isStored: boolean): Promise<TenantChecked> {
    const { id, origin } = await orgOf(slug);
    // What is stored must work; a command's store cannot be read here.
    const kept = isStored ? required(members).readToken(slug) : null;
    const token = kept ?? (await required(controlPlane).adminToken(slug, given()));
    const access = { token, headers: { 'X-Molecule-Org-Id': id }, network: config.network };
    const tenant: PlannedTenant = { name: slug, origin };
    const options = {
      suite: requireSuite(config, suite),
      judging: judgingNow(config),
      waits: { suiteMs: config.smokeTimeoutMs },
      signal: cancellationSignal(),
    };
    const [[seen], smoke] = await Promise.all([
      askBuilds([tenant], config.buildProbe, new Map([[origin, access]]), cancellationSignal()),
      smokeTenant(tenant, access, options),
    ]);
    const why = seen?.build === null && tellsBuild(tenant, config.buildProbe) ? whyUnreported(seen) : null;
    return { build: seen?.build ?? null, why, smoke };
  }
}

/** A name of production: `--recreate` would delete it. */
async function takenInProduction({ productionFleet }: Config, slug: Slug): Promise<string | null> {
  const production = await productionFleet?.read(cancellationSignal());
  const isProduction = production?.tenants.some(
    ({ name, origin }) => name === slug || new URL(origin).hostname.split('.')[0] === slug,
  );
  return isProduction ? `${slug} is a tenant of CANARY_PROD_FLEET_FILE: choose another slug for a canary` : null;
}

function required<T>(value: T | null): T {
  if (value === null) throw new ConfigError(['the control plane, or the fleet file, is no longer configured']);
  return value;
}
