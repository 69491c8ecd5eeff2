import { setTimeout as delay } from 'node:timers/promises';
import type { Tenant } from '../../testbed/tenant.js';
import { inMs, liarsOf, redOf } from '../choices.js';
import type { Stage } from './stage.js';

/** Carries an act out; throws if it does not apply now. May return a function that tells at the end of the run whether it came to pass.
 * @param choice number from which it chooses a build, a tenant, a status or a length. */
export type Play = (stage: Stage, choice: number) => Promise<unknown>;

/** One of a list.
 * @throws {Error} if the list is empty */

export function oneOf<T>(list: readonly T[], choice: number): T {
  const [one] = list.length > 0 ? list.slice(choice % list.length) : [];
  if (one === undefined) throw new Error('does not apply: nothing to choose from');
  return one;
}

/** Undoes something later; the end of the run waits for it. */
export function later({ pending }: Stage, ms: number, then: () => unknown): void {
  const doing: Promise<unknown> = delay(ms)
    .then(then)
    .catch(() => undefined)
    .finally(() => pending.delete(doing));
  pending.add(doing);
}

/** Waits until the tenant was asked for its build twice, for up to 3 s: a soak begins with a round in which all are well. */
async function askedTwice({ requests }: Tenant): Promise<void> {
  const asked = () => requests.filter(({ path }) => path === '/health').length;
  const [before, from] = [asked(), Date.now()];
  while (asked() < before + 2 && Date.now() - from < 3_000) await delay(20);
}

/** One tenant misbehaves for a while; its updater stays as it is. */
const tenantFor =
  (
    begin: (tenant: Tenant, stage: Stage) => Promise<void>,
    end: (tenant: Tenant, sha: string, stage: Stage) => unknown,
  ): Play =>
  async (stage, choice) => {
    const tenant = oneOf(stage.tenants, choice);
    await askedTwice(tenant);
    const sha = tenant.sha();
    await begin(tenant, stage);
    // Two probes see it, and the soak goes on; or it lasts as long as the soak.
    const ms = choice % 2 === 0 ? inMs(choice * 7, 900, 1_300) : inMs(choice * 7, 300, 3_000);
    later(stage, ms, () => end(tenant, sha, stage));
  };

/** One tenant crashes and comes back, again and again. */
async function crashLoop(stage: Stage, choice: number): Promise<void> {
  const tenant = oneOf(stage.tenants, choice);
  await askedTwice(tenant);
  const until = Date.now() + inMs(choice * 7, 2_000, 9_000);
  const loop = async () => {
    while (Date.now() < until) {
      await tenant.crash();
      await delay(inMs(choice * 11, 100, 900));
      await tenant.recover();
      await delay(inMs(choice * 13, 100, 900));
    }
  };
  later(stage, 0, loop);
}

/** For a while a tenant, or each, says that it runs the builds of its tag, and goes on with the one that it has: an updater that names what it pulled. */
async function pretend(stage: Stage, choice: number): Promise<void> {
  const liars = liarsOf(choice) === 'all' ? stage.tenants : [oneOf(stage.tenants, choice)];
  for (const tenant of liars) tenant.pretend(true);
  later(stage, inMs(choice * 29, 6_000, 25_000), () => {
    for (const tenant of liars) tenant.pretend(false);
  });
}

/** One production tenant fails for longer than a restart may take. */
const productionFor =
  (
    begin: (tenant: Tenant, stage: Stage) => Promise<void>,
    end: (tenant: Tenant, sha: string, stage: Stage) => unknown,
  ): Play =>
  async (stage, choice) => {
    const tenant = oneOf(stage.production, choice);
    const sha = tenant.sha();
    // It has taken the build by then, in most runs.
    await delay(inMs(choice, 200, 1_500));
    await begin(tenant, stage);
    later(stage, inMs(choice * 7, 2_500, 5_000), () => end(tenant, sha, stage));
  };

const asBuilt = (stage: Stage, sha: string) => ({
  sha,
  misbehave: stage.builds.find((build) => build.sha === sha)?.red?.misbehave ?? '',
});
/** Back to its build, unless its updater took another one meanwhile. */
const backTo = (tenant: Tenant, sha: string, stage: Stage) => {
  if (tenant.sha() === sha) tenant.run(asBuilt(stage, sha));
};
const ELSEWHERE = 'e'.repeat(40);

/** What the acts of tenants do. */
export const TENANT_PLAYS = {
  'tenant crashes': tenantFor(
    (tenant) => tenant.crash(),
    (tenant) => tenant.recover(),
  ),
  'tenant leaves': tenantFor(
    async (tenant) => tenant.run({ sha: ELSEWHERE }),
    (tenant, sha, stage) => {
      if (tenant.sha() === ELSEWHERE) tenant.run(asBuilt(stage, sha));
    },
  ),
  'tenant fails': tenantFor(async (tenant) => tenant.run({ sha: tenant.sha(), misbehave: 'bad-gateway' }), backTo),
  'edge answers 502': tenantFor(async (tenant) => tenant.run({ sha: tenant.sha(), misbehave: 'bad-edge' }), backTo),
  'edge answers 503': tenantFor(async (tenant) => tenant.run({ sha: tenant.sha(), misbehave: 'unavailable' }), backTo),
  'tenant crash-loops': crashLoop,
  'tenant answers 503': tenantFor(
    async (tenant) => tenant.run({ sha: tenant.sha(), misbehave: 'admin-unavailable' }),
    backTo,
  ),
  'tenant pretends': pretend,
  'tenant lies': tenantFor(async (tenant) => tenant.run({ sha: tenant.sha(), misbehave: 'wrong-build' }), backTo),
  'production falls silent': productionFor(
    (tenant) => tenant.crash(),
    (tenant) => tenant.recover(),
  ),
  'production turns red': productionFor(
    async (tenant, stage) => {
      tenant.run({ sha: tenant.sha(), misbehave: redOf(0).misbehave });
      stage.tenantStates.push({ at: Date.now(), tenant: tenant.name, sha: tenant.sha(), isRed: true });
    },
    (tenant, sha, stage) => {
      backTo(tenant, sha, stage);
      stage.tenantStates.push({ at: Date.now(), tenant: tenant.name, sha: tenant.sha() });
    },
  ),
};
