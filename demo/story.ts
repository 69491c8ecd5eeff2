import { isDeepStrictEqual } from 'node:util';
import type { Tenant } from '../testbed/tenant.js';
import { BEFORE, BROKEN, type Build, GOOD, MENDED, REGRETTED } from './builds.js';
import type { Canary } from './canary.js';
import { StoryError } from './failure.js';
import { reportOf } from './report.js';
import type { View } from './view.js';
import { runs, type World } from './world.js';

/** What the story came to; the last line of `--json`. */
export interface Ending {
  promoted: { sha: string; digests: Record<string, string> };
  rejected: { sha: string; failedChecks: string[] };
  rolledBack: { from: string; to: string };
  approved: { sha: string; hold: string };
  /** How the gate saw production take the last build. */
  production: string;
  latest: Record<string, string>;
}

const FOLLOW_MS = 20_000; // a cycle and a restart are 2.5 s; a busy machine gets eight times that
const LOOK_MS = 50;
const REASON = 'invoice totals are wrong';

type Stage = { world: World; view: View; canary: Canary; signal: AbortSignal };

/** The five parts, one after the other. */
export async function tellStory(stage: Stage): Promise<Ending> {
  await productionRunsSomething(stage);
  const promoted = await goodBuildIsPromoted(stage);
  const rejected = await brokenBuildIsRefused(stage);
  const rolledBack = await regrettedBuildIsRolledBack(stage, promoted.digests);
  const { production, ...approved } = await nextBuildIsApproved(stage);
  return { promoted, rejected, rolledBack, approved, production, latest: await stage.world.latest() };
}

/** How things stood before anybody set the gate up. */
export async function beforeTheGate(world: World): Promise<void> {
  await world.publish(BEFORE);
  await world.point('latest', BEFORE);
  await world.point('canary', BEFORE);
}

async function productionRunsSomething({ world, view, signal }: Stage): Promise<void> {
  view.chapter(`1. Before: ${BEFORE.sha7}, ${BEFORE.title}`);
  view.say('both images pushed; :latest and :canary set by hand, as it used to be');
  view.say('npx canary setup', 'command');
  view.say('the gate begins with :latest as it stands, and runs a worker');
  await everyTenantRuns(BEFORE, [...world.canaries, ...world.production], view, signal);
}

async function goodBuildIsPromoted(stage: Stage): Promise<Ending['promoted']> {
  const { world, view } = stage;
  view.chapter(`2. A good build: ${GOOD.sha7}, "${GOOD.title}"`);
  const digests = await publish(stage, GOOD);
  await release(stage, GOOD, 'promoted');
  demand(isDeepStrictEqual(await world.latest(), digests), `:latest is not on the digests of ${GOOD.sha7}`);
  view.say(`promoted: :latest of both images is ${GOOD.sha7}, the very digests tested`, 'good');
  await productionFollows(stage, GOOD);
  return { sha: GOOD.sha, digests };
}

async function brokenBuildIsRefused(stage: Stage): Promise<Ending['rejected']> {
  const { world, view } = stage;
  view.chapter(`3. A broken build: ${BROKEN.sha7}, "${BROKEN.title}"`);
  await publish(stage, BROKEN);
  const before = await world.latest();
  const { failed } = await release(stage, BROKEN, 'CanaryRejected');
  demand(failed.length > 0, `${BROKEN.sha7} was refused, but no check is said to have failed`);
  for (const { check, tenants } of failed) {
    const where = tenants.length === world.canaries.length ? 'every canary' : tenants.join(', ');
    view.say(`refused: "${check}" failed on ${where}`, 'bad');
  }
  demand(isDeepStrictEqual(await world.latest(), before), `${BROKEN.sha7} was refused, but :latest moved`);
  const still = world.production.every((tenant) => tenant.sha() === GOOD.sha);
  demand(still, `production does not run ${GOOD.sha7} any more`);
  view.say(`:latest did not move; production still runs ${GOOD.sha7}`, 'good');
  return { sha: BROKEN.sha, failedChecks: failed.map(({ check }) => check) };
}

async function regrettedBuildIsRolledBack(
  stage: Stage,
  goodDigests: Record<string, string>,
): Promise<Ending['rolledBack']> {
  const { world, view, canary, signal } = stage;
  view.chapter(`4. Green, and yet wrong: ${REGRETTED.sha7}, "${REGRETTED.title}"`);
  await publish(stage, REGRETTED);
  await release(stage, REGRETTED, 'promoted');
  view.say('promoted: no smoke test looks at invoices', 'good');
  await productionFollows(stage, REGRETTED);
  view.say(`a customer calls: ${REASON}`, 'bad');
  const args = ['rollback', GOOD.sha7, '--reason', REASON];
  view.say(`npx canary rollback ${GOOD.sha7} --reason "${REASON}"`, 'command');
  const ended = await canary.run(args, signal, view.now);
  const { outcome, why } = reportOf(ended);
  demand(outcome === 'rolled-back' && ended.code === 0, `the rollback ended as ${outcome}, exit ${ended.code}: ${why}`);
  demand(isDeepStrictEqual(await world.latest(), goodDigests), `:latest is not back on ${GOOD.sha7}`);
  view.say(`rolled back: :latest of both images is ${GOOD.sha7} again`, 'good');
  await productionFollows(stage, GOOD);
  return { from: REGRETTED.sha, to: GOOD.sha };
}

async function nextBuildIsApproved(stage: Stage): Promise<Ending['approved'] & Pick<Ending, 'production'>> {
  const { world, view, canary, signal } = stage;
  view.chapter(`5. The next build, after a rollback: ${MENDED.sha7}, "${MENDED.title}"`);
  const digests = await publish(stage, MENDED);
  const releasing = release(stage, MENDED, 'promoted');
  const name = await Promise.race([heldAs(stage, MENDED), releasing.then(() => 'nothing')]);
  demand(name === 'after-rollback', `${MENDED.sha7} was held for ${name} instead of after-rollback`);
  view.say('green, and held: after a rollback a human says yes to the next build', 'bad');
  const reason = 'the totals are right again';
  view.say(`npx canary approve ${MENDED.sha7} --reason "${reason}"`, 'command');
  const { code, said } = await canary.ask(['approve', MENDED.sha7, '--reason', reason], signal);
  demand(code === 0, `the approval ended with exit ${code}: ${said}`);
  await releasing;
  demand(isDeepStrictEqual(await world.latest(), digests), `:latest is not on the digests of ${MENDED.sha7}`);
  view.say(`promoted: :latest of both images is ${MENDED.sha7}, and the hold is lifted`, 'good');
  const production = await productionFollows(stage, MENDED);
  return { sha: MENDED.sha, hold: name, production };
}

/** Production takes the build by itself; what the gate sees of that is its own word (`canary status`). */
async function productionFollows({ world, view, canary, signal }: Stage, build: Build): Promise<string> {
  await everyTenantRuns(build, world.production, view, signal);
  const all = `${world.production.length} of ${world.production.length} on it`;
  for (const deadline = Date.now() + FOLLOW_MS; ; ) {
    const { result } = await canary.ask(['status'], signal);
    const { live } = Object(result) as { live?: { sha: string; production?: string | null } };
    const seen = live?.sha.startsWith(build.sha7) ? (live.production ?? '') : '';
    // A watch that is over says what it saw last: on a machine that is very slow that may be less.
    if (seen === all || (Date.now() > deadline && seen !== '')) {
      view.say(`npx canary status   production: ${seen}`, 'command');
      return seen;
    }
    demand(Date.now() < deadline + FOLLOW_MS, `nobody watches production take ${build.sha7}`);
  }
}

/** What a release waits for people for, once it does. */
async function heldAs({ canary, signal }: Stage, { sha7 }: Build): Promise<string> {
  for (;;) {
    const { result } = await canary.ask(['status', sha7], signal);
    const { hold } = Object(result) as { hold?: { name: string } | null };
    if (hold) return hold.name;
  }
}

/** What CI does with a build that was merged. */
export async function publish({ world, view }: Pick<Stage, 'world' | 'view'>, build: Build) {
  const digests = await world.publish(build);
  view.say(`pushed both images as :staging-${build.sha7} only`);
  return digests;
}

async function release({ view, canary, signal }: Stage, build: Build, expected: 'promoted' | 'CanaryRejected') {
  view.say(`npx canary release ${build.sha7} --wait`, 'command');
  const ended = await canary.run(['release', build.sha7, '--wait'], signal, view.now);
  const report = reportOf(ended);
  const code = expected === 'promoted' ? 0 : 1;
  const as = `${report.outcome}, exit ${ended.code}`;
  const fits = report.outcome === expected && ended.code === code;
  demand(fits, `the release of ${build.sha7} ended as ${as} instead of ${expected}: ${report.why}`);
  return report;
}

async function everyTenantRuns(build: Build, tenants: Tenant[], view: View, signal: AbortSignal): Promise<void> {
  const names = tenants.map((tenant) => tenant.name).join(', ');
  view.now(`${names}: waiting for their update cycle`);
  const deadline = Date.now() + FOLLOW_MS;
  while (!tenants.every((tenant) => tenant.state() === 'running' && tenant.sha() === build.sha)) {
    signal.throwIfAborted();
    const seen = () => tenants.map((tenant) => `${tenant.name} ${tenant.pullError() ?? runs(tenant)}`).join(', ');
    demand(Date.now() < deadline, `after ${FOLLOW_MS / 1000} s not every tenant runs ${build.sha7}: ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  view.say(`${names} run ${build.sha7}`, 'good');
  view.now('');
}

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new StoryError(otherwise);
}
