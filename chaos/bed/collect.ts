import type { Evidence, Grant, Run } from '../checker/evidence.js';
import { grantsOf, runOf } from './history.js';
import { GRACE_MS, latestOf, PROBE_MS, SOAK_MS, STALE_MS, type Stage } from './stage.js';

/** Everything that can be known about a run from outside, once it is over. */
export async function collect(stage: Stage): Promise<Evidence> {
  const { servers, lane, repositories, builds, tenants, production } = stage;
  const found: { run: Run; grants: Grant[]; text: string }[] = [];
  for await (const { workflowId, runId } of servers.client.workflow.list({
    query: `WorkflowId STARTS_WITH '${lane}-'`,
  })) {
    const { events } = await servers.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const text = (events ?? []).map((event) => JSON.stringify(event, readable)).join('\n');
    found.push({
      run: runOf(workflowId, runId, events ?? []),
      grants: grantsOf(events ?? []),
      text: `${workflowId}\n${text}`,
    });
  }
  const latest = await latestOf(stage);
  return {
    repositories,
    tenants: tenants.map(({ name }) => name),
    production: production.map(({ name }) => name),
    builds: builds.map(({ sha, sequence, digests, pushes, isRed }) => ({ sha, sequence, digests, pushes, isRed })),
    writes: servers.proxy.writes.filter(({ repository }) => repositories.includes(repository)),
    grants: found.flatMap(({ grants }) => grants),
    tenantStates: stage.tenantStates,
    tenantRequests: [...tenants, ...production].flatMap(({ name: tenant, requests }) =>
      requests.map(({ at, method, path }) => ({ at, tenant, route: `${method} ${path}` })),
    ),
    runs: found.map(({ run }) => run),
    latest: Object.fromEntries(repositories.map((repository, index) => [repository, latest[index] ?? null])),
    texts: [...stage.logs(), ...found.map(({ run, text }) => ({ name: `history of ${run.workflowId}`, text }))],
    secrets: stage.secrets,
    graceMs: GRACE_MS,
    soakMs: SOAK_MS,
    probeMs: PROBE_MS,
    staleMs: STALE_MS,
  };
}

/** Payloads as text, so that a secret in one is found. */
const readable = (_key: string, value: unknown) =>
  value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value;
