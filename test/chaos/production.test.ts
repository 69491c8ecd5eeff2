import { expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run, TenantState } from '../../chaos/checker/evidence.js';

// Written evidence: a rollback puts B to :latest at 2 s, two tenants of production take it, and a watch polls them twice a second.
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)] as [string, string];
const IMAGE = 'gate/platform';
const at = (seconds: number) => 1_000_000 + seconds * 1_000;
const build = (sha: string, sequence: number, isRed = false) => {
  const digest = `sha256:${sha}`;
  return { sha, sequence, isRed, digests: { [IMAGE]: [digest] }, pushes: [{ at: at(0), repository: IMAGE, digest }] };
};
const run = (type: string, id: string, from: number, to: number, other: Partial<Run> = {}): Run => ({
  workflowId: id,
  runId: `run of ${id}`,
  type,
  status: 'COMPLETED',
  startedAt: at(from),
  closedAt: at(to),
  parentRunId: null,
  input: {},
  failure: null,
  outcome: null,
  events: [],
  ...other,
});
const state = (seconds: number, tenant: string, sha: string | null, isRed = false): TenantState => ({
  at: at(seconds),
  tenant,
  sha,
  ...(isRed && { isRed }),
});
const polls = (tenant: string, from: number, to: number) =>
  Array.from({ length: (to - from) * 2 }, (_, index) => at(from + index / 2)).flatMap((when) =>
    ['GET /health', 'GET /admin/liveness'].map((route) => ({ at: when, tenant, route })),
  );
const images = [{ repository: IMAGE, to: `sha256:${B}`, from: `sha256:${A}` }];
const WATCH = run('WatchProduction', 'watch', 4, 20, { input: { sha: B } });
const ALARM = { at: at(9), type: 'ActivityTaskScheduled', name: 'alarm production-red', by: null };
const STATES = [state(3, 'production-1', B), state(3, 'production-2', B)];

const evidence = (other: Partial<Evidence>): Evidence => ({
  repositories: [IMAGE],
  tenants: [],
  production: ['production-1', 'production-2'],
  builds: [build(A, 1), build(B, 2)],
  writes: [
    { at: at(0), repository: IMAGE, digest: `sha256:${A}`, by: 'person' },
    { at: at(2), repository: IMAGE, digest: `sha256:${B}`, by: 'gate' },
  ],
  reports: [],
  announced: [],
  grants: [{ at: at(1.5), moverRunId: 'run of move' }],
  tenantStates: STATES,
  tenantRequests: [...polls('production-1', 4, 20), ...polls('production-2', 4, 20)],
  runs: [
    run('Rollback', 'back', 1, 3, { input: { sha: B } }),
    run('MoveLatest', 'move', 1, 3, { parentRunId: 'run of back', input: { kind: 'rollback', sha: B, images } }),
    WATCH,
  ],
  latest: { [IMAGE]: `sha256:${B}` },
  asked: [{ at: at(1), type: 'Rollback', sha: B }],
  direct: [],
  autoRollback: false,
  isCalm: false,
  texts: [],
  secrets: [],
  graceMs: 1_000,
  soakMs: 6_000,
  probeMs: 1_000,
  staleMs: 3_000,
  slowMs: 0,
  jumpMs: 0,
  ...other,
});
const RUNS = evidence({}).runs;
const silent = (from: number, to: number) => ({
  tenantStates: [...STATES, state(from, 'production-1', null), state(to, 'production-1', B)],
});
const red = { tenantStates: [...STATES, state(8, 'production-1', B, true), state(12, 'production-1', B)] };
const withAlarm = { runs: RUNS.map((one) => (one === WATCH ? { ...WATCH, events: [ALARM] } : one)) };

test.each<[string, string, Partial<Evidence>]>([
  ['alarm', 'a tenant that was silent without an alarm', silent(8, 12)],
  ['alarm', 'a tenant that was red without an alarm', red],
  ['alarm', 'a red build without an alarm', { builds: [build(A, 1), build(B, 2, true)] }],
  ['alarm', 'a move that nothing watched', { runs: RUNS.filter((one) => one !== WATCH) }],
  [
    'I1',
    'a build that production ran and no write put there',
    { tenantStates: [...STATES, state(8, 'production-1', 'c'.repeat(40))] },
  ],
  [
    'I6',
    'a watch that does not end',
    { runs: RUNS.map((one) => (one === WATCH ? { ...WATCH, closedAt: null } : one)) },
  ],
])('the checker finds %s in %s', (rule, _what, other) => {
  expect(new Set(check(evidence(other)).map((one) => one.rule))).toEqual(new Set([rule]));
});

test.each<[string, Partial<Evidence>]>([
  ['a production that is well', {}],
  ['a silence with its alarm', { ...silent(8, 12), ...withAlarm }],
  ['a red tenant with its alarm', { ...red, ...withAlarm }],
  ['a restart within the grace', silent(8, 9)],
  [
    'a red build that passes the check of the watch',
    { builds: [build(A, 1), { ...build(B, 2, true), passesLiveness: true }] },
  ],
  [
    'a red build that production only claims to run',
    { builds: [build(A, 1), build(B, 2, true)], tenantStates: STATES.map((one) => ({ ...one, runs: A })) },
  ],
  [
    'a silence that no poll saw, for no worker was there',
    { ...silent(8, 12), tenantRequests: [...polls('production-1', 4, 8), ...polls('production-2', 4, 8)] },
  ],
  ['a tenant that never answered', { ...silent(3.5, 30), tenantRequests: polls('production-2', 4, 20) }],
])('the checker accepts %s', (_what, other) => {
  expect(check(evidence(other))).toEqual([]);
});
