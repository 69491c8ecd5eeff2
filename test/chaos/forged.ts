import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run, RunEvent, TenantState } from '../../chaos/checker/evidence.js';

// Written evidence, in place of a run: build A is at :latest, then a release tests B on two tenants and promotes it.
export const [PLATFORM, TENANT] = ['gate/platform', 'gate/platform-tenant'];
export const IMAGES = [PLATFORM, TENANT];
export const [A, B, C] = ['aaaaaaa', 'bbbbbbb', 'ccccccc'].map((sha) => sha.padEnd(40, '0')) as [
  string,
  string,
  string,
];
export const TENANTS = ['canary-1', 'canary-2'];
const START = 1_000_000;
export const digest = (sha: string, repository: string) => `sha256:${sha.slice(0, 8)}${repository}`;
export const build = (sha: string, sequence: number, isRed = false) => ({
  sha,
  sequence,
  isRed,
  digests: Object.fromEntries(IMAGES.map((repository) => [repository, [digest(sha, repository)]])),
  pushes: IMAGES.map((repository) => ({ at: START, repository, digest: digest(sha, repository) })),
});
export const at = (seconds: number) => START + seconds * 1000;
export const run = (type: string, id: string, from: number, to: number | null, other: Partial<Run> = {}): Run => ({
  workflowId: id,
  runId: `run of ${id}`,
  type,
  status: to === null ? 'RUNNING' : 'COMPLETED',
  startedAt: at(from),
  closedAt: to === null ? null : at(to),
  parentRunId: null,
  input: {},
  failure: null,
  outcome: null,
  events: [],
  ...other,
});
export const event = (seconds: number, name: string, type = 'WorkflowExecutionUpdateAccepted'): RunEvent => ({
  at: at(seconds),
  type,
  name,
  by: 'ada',
});
export const scheduled = (seconds: number, name: string) => event(seconds, name, 'ActivityTaskScheduled');
export const writes = (
  seconds: number,
  sha: string,
  by: 'gate' | 'person' | 'direct' = 'gate',
  repositories = IMAGES,
) => repositories.map((repository) => ({ at: at(seconds), repository, digest: digest(sha, repository), by }));
export const mover = (sha: string, from: number, to: number, parent: string | null, kind = 'promotion') =>
  run('MoveLatest', `move-latest ${from}`, from, to, {
    parentRunId: parent && `run of ${parent}`,
    input: {
      kind,
      sha,
      images: IMAGES.map((name) => ({
        repository: `127.0.0.1:5000/${name}`,
        to: digest(sha, name),
        from: digest(A, name),
      })),
    },
  });
export const on = (seconds: number, sha: string | null, tenants = TENANTS): TenantState[] =>
  tenants.map((tenant) => ({ at: at(seconds), tenant, sha }));
export const asked = (seconds: number, route: string, status = 200) =>
  TENANTS.map((tenant) => ({ at: at(seconds), tenant, route, status }));
export const smoked = (seconds: number) =>
  ['POST /memories/commit', 'GET /memories/search', 'GET /events'].flatMap((route) => asked(seconds, route));

export const leases = (...grants: [at: number, moverFrom: number][]) =>
  grants.map(([seconds, from]) => ({ at: at(seconds), moverRunId: `run of move-latest ${from}` }));

/** `:latest` of both images on a build, or each on its own. */
export const latestOf = (platform: string, tenant = platform) => ({
  [PLATFORM]: digest(platform, PLATFORM),
  [TENANT]: digest(tenant, TENANT),
});

export const SOAKED = [scheduled(10, 'watchFleet'), scheduled(17.9, 'watchFleet'), scheduled(17.9, 'smokeTenant')];

export const GOOD: Evidence = {
  repositories: IMAGES,
  tenants: TENANTS,
  production: [],
  builds: [build(A, 1), build(B, 2), build(C, 3)],
  writes: [...writes(0, A, 'person'), ...writes(21, B)],
  grants: leases([20.5, 20], [23.5, 23], [31.5, 31]),
  reports: [],
  announced: [],
  tenantStates: [...on(0, A), ...on(8, B)],
  tenantRequests: [
    ...[9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19].flatMap((one) => asked(one, 'GET /health')),
    ...smoked(18),
  ],
  runs: [
    run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt')] }),
    run('CanaryRelease', 'b', 5, 22, { input: { sha: B }, events: SOAKED }),
    mover(B, 20, 22, 'b'),
  ],
  latest: latestOf(B),
  asked: [],
  direct: [],
  autoRollback: false,
  isCalm: false,
  texts: [{ name: 'worker', text: 'nothing' }],
  secrets: ['a-long-secret'],
  graceMs: 1_000,
  soakMs: 6_000,
  probeMs: 1_000,
  staleMs: 3_000,
  slowMs: 0,
  jumpMs: 0,
};

/** What people asked for, if each run that names its build is one of theirs. */
const askedFor = (runs: readonly Run[]): Evidence['asked'] =>
  runs.flatMap(({ type, input, startedAt }) =>
    (type === 'Rollback' && input.onlyFrom === undefined) || (type === 'CanaryRelease' && input.promoteOnly)
      ? [{ at: startedAt, type, sha: String(input.sha) }]
      : [],
  );
export const more = (other: Partial<Evidence>): Evidence => ({
  ...GOOD,
  asked: askedFor(other.runs ?? []),
  ...other,
});
export const withRuns = (...runs: Run[]) => more({ runs: [...GOOD.runs, ...runs] });
/** Rules that the checker finds broken. */
export const rulesOf = (evidence: Evidence) => [...new Set(check(evidence).map(({ rule }) => rule))];
