import { parseDigest, parseRepository } from '../../src/contract/image.js';
import type { Holder, LaneState } from '../../src/contract/lane.js';
import type { ReleaseStatus } from '../../src/contract/release.js';
import type { CheckResult } from '../../src/contract/tenants/check.js';
import { laneView } from '../../src/lane/view.js';
import type { Overview } from '../../src/temporal/overview.js';
import { laneAt, NOON, promote, shaOf } from '../lane/lane-support.js';
import { record } from '../support/records.js';

const AT = '2026-11-25T12:00:00.000Z';
const SHA = '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31';
const image = {
  repository: parseRepository('ghcr.io/acme/platform'),
  digest: parseDigest(`sha256:${'1'.repeat(64)}`),
  latest: null,
};

export const checkOf = (text: string): CheckResult => ({
  check: text,
  proves: text,
  verdict: 'fail',
  status: 200,
  latencyMs: 1,
  expected: text,
  got: text,
  leftBehind: text,
  schemaPath: text,
});

/** Status of a held release in which every text is this one: reasons, names, answers, refusals. */
export function statusOf(text: string): ReleaseStatus {
  return {
    sha: SHA,
    phase: 'held',
    phases: [],
    since: AT,
    why: text,
    until: AT,
    images: [image],
    builds: [{ tenant: text, build: null, why: text }],
    tenants: [{ tenant: text, checks: [checkOf(text)] }],
    interruptions: [{ tenant: text, from: AT, to: AT, why: text } as never],
    hold: { id: 'h1-abc123', name: 'could-not-test', why: text, since: AT, until: AT },
    decided: null,
    moving: false,
    decisions: [{ verb: 'retry', by: text, reason: text, at: text, holdName: text as never }],
    refusals: [text],
    warnings: [text],
    notMoved: [text as never],
  };
}

/** Lane in which every text of people is this one. */
export function laneOf(text: string): LaneState {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  for (const move of state.ledger.history) Object.assign(move, { by: text, reason: text });
  const by = { by: text, why: text, reason: text, since: AT };
  state.ledger.hold = { name: 'after-rollback', ...by };
  state.ledger.pause = { ...by, until: text };
  state.ledger.knownBad = [{ sha: shaOf('c'), digests: [], ...by }];
  state.ledger.verdicts = [{ sha: shaOf('d'), at: text, verdict: 'RED', runId: text, failed: [text] }];
  state.holder = holderOf(text);
  return state;
}

const holderOf = (text: string): Holder => ({
  workflowId: text,
  runId: text,
  sha: shaOf('e'),
  fencingToken: 1,
  since: AT,
  heldFor: { hold: text, preemptibleAt: NOON },
});

/** What `canary status` shows, with this text wherever a person, a tenant, a registry or a worker chose it. */
export function overviewOf(text: string): Overview {
  const listed = {
    workflowId: text,
    sha: null,
    status: 'RUNNING',
    phase: text,
    outcome: text,
    waitingFor: text,
    started: AT,
    closed: AT,
  };
  const view = laneView(laneOf(text), NOON - 1);
  return {
    lane: {
      ...view,
      alarms: [text],
      missing: [text],
      left: [text],
      unserved: true,
      holder: {
        ...holderOf(text),
        phase: 'soaking',
        until: text,
        stuck: { workflowId: text, what: text, fix: text, otherwise: text },
      },
    },
    live: {
      sha: null,
      since: AT,
      how: text,
      by: text,
      images: [{ repository: image.repository, digest: null }],
      production: text,
      productionBack: text,
    },
    back: text,
    alarm: { ...listed, why: text },
    running: [
      { ...listed, state: statusOf(text), waitsFor: [text] },
      { ...listed, waitingFor: null, state: null, waitsFor: [text] },
    ],
    troubles: [{ workflowId: text, what: text, fix: text }],
    ended: [listed],
    unlisted: text,
    unseen: { reason: 'too-many', what: text, fix: text },
    workers: [{ queue: text, identities: [text, text] }],
    clocks: [{ worker: text, aheadMs: -660_000 }],
  };
}

/** Record of a rejected release, with one text wherever others choose it. */
export const rejected = (text: string) =>
  record({
    outcome: 'CanaryRejected',
    why: text,
    requestedBy: text,
    tenants: [{ tenant: text, checks: [checkOf(text)] }],
    decisions: [{ verb: 'retry', by: text, reason: text, at: text }],
    notTested: [{ kind: 'unconfirmed', about: text, text }],
  });
