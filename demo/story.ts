import { isDeepStrictEqual } from 'node:util';
import type { Tenant } from '../testbed/tenant.js';
import { BEFORE, BROKEN, type Build, FIXED, GOOD, WRONG } from './builds.js';
import type { Canary } from './canary.js';
import { StoryError } from './failure.js';
import { reportOf } from './report.js';
import type { View } from './view.js';
import { runs, type World } from './world.js';

/** Result of the story; the last line of `--json`. */
export interface Ending {
  promoted: { sha: string; digests: Record<string, string> };
  rejected: { sha: string; failedChecks: string[] };
  rolledBack: { from: string; to: string };
  approved: { sha: string; hold: string };
  /** Production status of the last build, as the gate shows it. */
  production: string;
  latest: Record<string, string>;
}

const FOLLOW_MS = 20_000; // an update cycle and a restart take 2.5 s; a busy machine gets eight times that
const POLL_MS = 50;
const REASON = 'invoice totals are wrong';

type Stage = { world: World; view: View; canary: Canary; signal: AbortSignal };

/** Plays the five parts in order. */
export async function playStory(stage: Stage): Promise<Ending> {
  await productionRunsSomething(stage);
  const promoted = await goodBuildIsPromoted(stage);
  const rejected = await brokenBuildIsRejected(stage);
  const rolledBack = await wrongBuildIsRolledBack(stage, promoted.digests);
  const { production, ...approved } = await nextBuildIsApproved(stage);
  return { promoted, rejected, rolledBack, approved, production, latest: await stage.world.latest() };
}

/** Publishes the build that runs before the gate is set up. */
export async function beforeTheGate(world: World): Promise<void> {
  await world.publish(BEFORE);
  await world.point('latest', BEFORE);
  await world.point('canary', BEFORE);
}

async function productionRunsSomething({ world, view, canary, signal }: Stage): Promise<void> {
  view.chapter(`1. Before: ${BEFORE.sha7}, ${BEFORE.title}`);
  view.say('both images pushed; :latest and :canary set by hand, as before the gate');
  view.say('bin/canary.js --demo setup', 'command');
  view.say('the ledger starts with :latest as it is; a worker runs');
  await everyTenantRuns(BEFORE, [...world.canaries, ...world.production], view, signal);
  await thirdTenantIsAdded({ world, view, canary, signal });
}

/** The control plane makes the third tenant; the gate tests it, and makes it a member of the fleet. */
async function thirdTenantIsAdded({ world, view, canary, signal }: Stage): Promise<void> {
  view.say('bin/canary.js --demo tenants add canary-3', 'command');
  const { outcome, why } = reportOf(await canary.run(['tenants', 'add', 'canary-3'], signal, view.now));
  demand(outcome === 'added' && world.canaries.length === 3, `canary-3 was not added: ${outcome}: ${why}`);
  view.say('the control plane made canary-3; it is tested, and a member of the fleet', 'good');
}

/** One tenant is sick: releases go on without it, and say so. */
async function oneTenantIsSetAside({ view, canary, signal }: Stage): Promise<void> {
  const reason = 'its disk is full';
  view.say(`bin/canary.js --demo tenants quarantine canary-2 --reason "${reason}"`, 'command');
  const { code, lastLine } = await canary.ask(['tenants', 'quarantine', 'canary-2', '--reason', reason], signal);
  demand(code === 0, `the quarantine ended with exit ${code}: ${lastLine}`);
}

async function goodBuildIsPromoted(stage: Stage): Promise<Ending['promoted']> {
  const { world, view } = stage;
  view.chapter(`2. A good build: ${GOOD.sha7}, "${GOOD.title}"`);
  const digests = await publish(stage, GOOD);
  await release(stage, GOOD, 'promoted');
  demand(isDeepStrictEqual(await world.latest(), digests), `:latest is not on the digests of ${GOOD.sha7}`);
  view.say(`promoted: :latest of both images is ${GOOD.sha7}, exactly the tested digests`, 'good');
  await productionFollows(stage, GOOD);
  return { sha: GOOD.sha, digests };
}

async function brokenBuildIsRejected(stage: Stage): Promise<Ending['rejected']> {
  const { world, view } = stage;
  view.chapter(`3. A broken build: ${BROKEN.sha7}, "${BROKEN.title}"`);
  await publish(stage, BROKEN);
  const before = await world.latest();
  const { failed } = await release(stage, BROKEN, 'CanaryRejected');
  demand(failed.length > 0, `${BROKEN.sha7} was rejected, but no check is reported as failed`);
  for (const { check, tenants } of failed) {
    const where = tenants.length === world.canaries.length ? 'every canary' : tenants.join(', ');
    view.say(`rejected: "${check}" failed on ${where}`, 'bad');
  }
  demand(isDeepStrictEqual(await world.latest(), before), `${BROKEN.sha7} was rejected, but :latest moved`);
  const still = world.production.every((tenant) => tenant.sha() === GOOD.sha);
  demand(still, `production no longer runs ${GOOD.sha7}`);
  view.say(`:latest did not move; production still runs ${GOOD.sha7}`, 'good');
  return { sha: BROKEN.sha, failedChecks: failed.map(({ check }) => check) };
}

async function wrongBuildIsRolledBack(
  stage: Stage,
  goodDigests: Record<string, string>,
): Promise<Ending['rolledBack']> {
  const { world, view, canary, signal } = stage;
  view.chapter(`4. Green, but wrong: ${WRONG.sha7}, "${WRONG.title}"`);
  await oneTenantIsSetAside(stage);
  await publish(stage, WRONG);
  await release(stage, WRONG, 'promoted');
  view.say('promoted, without canary-2: no smoke test looks at invoices', 'good');
  await productionFollows(stage, WRONG);
  view.say(`a customer calls: ${REASON}`, 'bad');
  const args = ['rollback', GOOD.sha7, '--reason', REASON];
  view.say(`bin/canary.js --demo rollback ${GOOD.sha7} --reason "${REASON}"`, 'command');
  const ended = await canary.run(args, signal, view.now);
  const { outcome, why } = reportOf(ended);
  demand(outcome === 'rolled-back' && ended.code === 0, `the rollback ended as ${outcome}, exit ${ended.code}: ${why}`);
  demand(isDeepStrictEqual(await world.latest(), goodDigests), `:latest is not back on ${GOOD.sha7}`);
  view.say(`rolled back: :latest of both images is ${GOOD.sha7} again`, 'good');
  await productionFollows(stage, GOOD);
  return { from: WRONG.sha, to: GOOD.sha };
}

async function nextBuildIsApproved(stage: Stage): Promise<Ending['approved'] & Pick<Ending, 'production'>> {
  const { world, view, canary, signal } = stage;
  view.chapter(`5. The next build, after a rollback: ${FIXED.sha7}, "${FIXED.title}"`);
  const digests = await publish(stage, FIXED);
  const releasing = release(stage, FIXED, 'promoted');
  const name = await Promise.race([heldAs(stage, FIXED), releasing.then(() => 'nothing')]);
  demand(name === 'after-rollback', `${FIXED.sha7} was held for ${name} instead of after-rollback`);
  view.say('green, and held: after a rollback a person approves the next build', 'bad');
  const reason = 'the totals are right again';
  view.say(`bin/canary.js --demo approve ${FIXED.sha7} --reason "${reason}"`, 'command');
  const { code, lastLine } = await canary.ask(['approve', FIXED.sha7, '--reason', reason], signal);
  demand(code === 0, `the approval ended with exit ${code}: ${lastLine}`);
  await releasing;
  demand(isDeepStrictEqual(await world.latest(), digests), `:latest is not on the digests of ${FIXED.sha7}`);
  view.say(`promoted: :latest of both images is ${FIXED.sha7}, and the hold is lifted`, 'good');
  const production = await productionFollows(stage, FIXED);
  return { sha: FIXED.sha, hold: name, production };
}

/** Waits until production runs the build, and until `canary status` shows it. */
async function productionFollows({ world, view, canary, signal }: Stage, build: Build): Promise<string> {
  await everyTenantRuns(build, world.production, view, signal);
  const all = `${world.production.length} of ${world.production.length} on it`;
  for (const deadline = Date.now() + FOLLOW_MS; ; ) {
    const { result } = await canary.ask(['status'], signal);
    const { live } = Object(result) as { live?: { sha: string; production?: string | null } };
    const seen = live?.sha.startsWith(build.sha7) ? (live.production ?? '') : '';
    // An ended watch shows what it saw last: on a very slow machine that may be less.
    if (seen.startsWith(all) || (Date.now() > deadline && seen !== '')) {
      view.say(`bin/canary.js --demo status   production: ${seen}`, 'command');
      return seen;
    }
    demand(Date.now() < deadline + FOLLOW_MS, `canary status shows no production watch of ${build.sha7}`);
  }
}

/** Waits until a release is held; returns the name of the hold. */
async function heldAs({ canary, signal }: Stage, { sha7 }: Build): Promise<string> {
  for (;;) {
    const { result } = await canary.ask(['status', sha7], signal);
    const { hold } = Object(result) as { hold?: { name: string } | null };
    if (hold) return hold.name;
  }
}

/** Publishes a build as CI does after a merge. */
export async function publish({ world, view }: Pick<Stage, 'world' | 'view'>, build: Build) {
  const digests = await world.publish(build);
  view.say(`pushed both images as :staging-${build.sha7} only`);
  return digests;
}

async function release({ view, canary, signal }: Stage, build: Build, expected: 'promoted' | 'CanaryRejected') {
  view.say(`bin/canary.js --demo release ${build.sha7} --wait`, 'command');
  const ended = await canary.run(['release', build.sha7, '--wait'], signal, view.now);
  const report = reportOf(ended);
  const code = expected === 'promoted' ? 0 : 1;
  const actual = `${report.outcome}, exit ${ended.code}`;
  const isExpected = report.outcome === expected && ended.code === code;
  demand(isExpected, `the release of ${build.sha7} ended as ${actual} instead of ${expected}: ${report.why}`);
  return report;
}

async function everyTenantRuns(build: Build, tenants: Tenant[], view: View, signal: AbortSignal): Promise<void> {
  const names = tenants.map((tenant) => tenant.name).join(', ');
  view.now(`${names}: waiting for their update cycle`);
  const deadline = Date.now() + FOLLOW_MS;
  while (!tenants.every((tenant) => tenant.state() === 'running' && tenant.sha() === build.sha)) {
    signal.throwIfAborted();
    const states = () => tenants.map((tenant) => `${tenant.name} ${tenant.pullError() ?? runs(tenant)}`).join(', ');
    demand(Date.now() < deadline, `after ${FOLLOW_MS / 1000} s not every tenant runs ${build.sha7}: ${states()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  view.say(`${names} run ${build.sha7}`, 'good');
  view.now('');
}

function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new StoryError(message);
}
