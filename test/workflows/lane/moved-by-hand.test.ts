import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, expect, test } from 'vitest';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { tool } from '../../../testbed/tools.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say, statusOf } from '../../support/decisions.js';
import { laneState, makeLaneSettled } from '../../support/lanes.js';
import { isRead } from '../../support/latest.js';
import { lacks } from '../../support/needs.js';
import { type Caught, catchIn, type Phase } from '../../support/phases.js';
import { fullTest, rows } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const { gate, registry, writes, pairs } = await useCountedGate('lane-outsiders');
beforeEach(() => makeLaneSettled(gate()));

type Scene = Pick<Caught, 'sha' | 'digests' | 'handle' | 'goOn'>;

/** Points `:latest` elsewhere, as a person with crane would; returns the digests. */
async function moveByHand(retag = (sha: string) => gate().retag(sha, 'latest')): Promise<string[]> {
  const theirs = newSha();
  const digests = await gate().publish(theirs);
  await retag(theirs);
  return digests;
}

async function retagWithCrane(sha: string): Promise<void> {
  for (const repository of gate().repositories)
    await promisify(execFile)(tool('crane')?.path ?? 'crane', [
      'tag',
      `${gate().host}/${repository}:staging-${sha.slice(0, 7)}`,
      'latest',
    ]);
}

/** A release, a moment in which `:latest` is moved from outside, and how the release continues. */
const MOMENTS: Record<string, (outsider: () => Promise<void>) => Promise<Scene>> = {
  'between two releases': async (outsider) => {
    await outsider();
    return green();
  },
  async queued(outsider) {
    const first = await catchIn('awaiting-canary', gate(), registry);
    const sha = newSha();
    const digests = await gate().publish(sha);
    const handle = await gate().release({ sha });
    await until('it waits', async () => (await laneState(gate())).queue.length === 1);
    await outsider();
    await say(first.handle, 'abort', ada);
    await awaitRunEnd(first.handle);
    gate().deploy({ sha });
    return { sha, digests, handle, goOn: async () => undefined };
  },
  ...Object.fromEntries(
    (['resolving', 'awaiting-canary', 'soaking', 'smoking', 'held', 'awaiting-approval'] satisfies Phase[]).map(
      (phase) => [
        phase,
        async (outsider: () => Promise<void>) => {
          const caught = await catchIn(phase, gate(), registry);
          await outsider();
          return caught;
        },
      ],
    ),
  ),
  async paused(outsider) {
    await gate().laneClient.update(laneCommandUpdate('pause'), ada);
    const scene = await green();
    await until('it is paused', async () => (await statusOf(gate(), scene.handle))?.why.startsWith('paused'));
    await outsider();
    return { ...scene, goOn: async () => void (await gate().laneClient.update(laneCommandUpdate('resume'), ada)) };
  },
  async 'right before it is promoted'(outsider) {
    const scene = await catchIn('soaking', gate(), registry);
    let done: Promise<void> | undefined;
    registry.faults.add({
      match: isRead,
      times: 1,
      respond: async (_request, serve) => {
        done ??= outsider();
        await done;
        return serve();
      },
    });
    return scene;
  },
};

async function green(): Promise<Scene> {
  const build = await gate().greenBuild();
  return { ...build, handle: await gate().release({ sha: build.sha }), goOn: async () => undefined };
}

/** Moves `:latest` from outside in that moment, and waits until the release is held for it. */
async function heldAfter(moment: string, retag?: (sha: string) => Promise<void>) {
  let theirs: string[] = [];
  const scene = await MOMENTS[moment]?.(async () => {
    theirs = await moveByHand(retag);
  });
  if (!scene) throw new Error(`no moment ${moment}`);
  await scene.goOn();
  // A smoke that hung is given up first.
  const hold = await heldFor(gate(), scene.handle, 'latest-moved', 45_000);
  expect(await gate().latest()).toEqual(theirs);
  // That is what was moved by hand.
  expect(writes()).toEqual(pairs(1));
  return { ...scene, hold, theirs };
}

async function promotes(handle: WorkflowHandle, { sha, digests }: Pick<Scene, 'sha' | 'digests'>) {
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
  const { ledger } = await laneState(gate());
  expect(ledger).toMatchObject({
    hold: null,
    newestPromoted: { sha },
    expectedLatest: { images: digests.map((digest) => ({ digest })) },
  });
}

test.each(rows(Object.keys(MOMENTS), ['between two releases']))(
  'a :latest that is moved by hand %s is not promoted over without an approval; with one it is, over exactly the digests shown, and the ledger follows',
  async (moment) => {
    const { handle, hold, theirs, ...build } = await heldAfter(moment);
    for (const digest of theirs) expect(hold.why).toContain(digest);
    await say(handle, 'approve', { ...ada, hold: hold.id });
    await promotes(handle, build);
    expect(writes()).toEqual(pairs(2));
  },
  60_000,
);

// From the hold on, the moment makes no difference: two are enough for the other way out of it.
fullTest.each(['soaking', 'between two releases'])(
  'a :latest that is moved by hand %s is promoted over by retry once it is adopted, and the next build after that without a hold',
  async (moment) => {
    const { handle, hold, theirs: _, ...build } = await heldAfter(moment);
    await gate().adopt();
    await say(handle, 'retry', { ...ada, hold: hold.id });
    await promotes(handle, build);
    expect(writes()).toEqual(pairs(2));
    const next = await green();
    await promotes(next.handle, next);
  },
  60_000,
);

test.skipIf(lacks('crane'))(
  'a :latest that is moved with crane while a build soaks is not promoted over: the release is held, and moves over it on approve',
  async () => {
    const { handle, hold, theirs, ...build } = await heldAfter('soaking', retagWithCrane);
    for (const digest of theirs) expect(hold.why).toContain(digest);
    await say(handle, 'approve', { ...ada, hold: hold.id });
    await promotes(handle, build);
    expect(writes()).toEqual(pairs(2));
  },
);

fullTest(
  'a :latest that is moved once more after the approval is not promoted over: another hold, another approval',
  async () => {
    const { handle, hold, ...build } = await heldAfter('between two releases');
    let again: Promise<string[]> | undefined;
    registry.faults.add({
      match: isRead,
      times: 1,
      respond: async (_request, serve) => {
        again ??= moveByHand();
        await again;
        return serve();
      },
    });
    await say(handle, 'approve', { ...ada, hold: hold.id });
    const second = await until('it is held once more', async () => {
      const now = (await statusOf(gate(), handle))?.hold;
      return now && now.id !== hold.id ? now : null;
    });
    expect(await gate().latest()).toEqual(await again);
    expect(writes()).toEqual(pairs(2));
    await say(handle, 'approve', { ...ada, hold: second.id });
    await promotes(handle, build);
  },
);
