import type { Announced, Evidence, Grant, Run } from '../checker/evidence.js';
import { announcedOf, grantsOf, reportsOf, runOf, textOf } from './history.js';
import { GRACE_MS, latestOf, PROBE_MS, SOAK_MS, type Stage } from './stage.js';

/** Everything that can be known about a run from outside, once it is over. */
export async function collect(stage: Stage): Promise<Evidence> {
  const { servers, lane, repositories, builds, tenants, production } = stage;
  const found: { run: Run; grants: Grant[]; reports: Grant[]; announced: Announced[]; text: string }[] = [];
  for await (const { workflowId, runId } of servers.client.workflow.list({
    query: `WorkflowId STARTS_WITH '${lane}-'`,
  })) {
    const { events } = await servers.client.workflow.getHandle(workflowId, runId).fetchHistory();
    found.push({
      run: runOf(workflowId, runId, events ?? []),
      grants: grantsOf(events ?? []),
      reports: reportsOf(events ?? []),
      announced: announcedOf(events ?? []),
      text: `${workflowId}\n${(events ?? []).map(textOf).join('\n')}`,
    });
  }
  const latest = await latestOf(stage);
  return {
    repositories,
    tenants: tenants.map(({ name }) => name),
    production: production.map(({ name }) => name),
    builds: builds.map(({ red, ...build }) => ({ ...build, ...(red?.passesLiveness && { passesLiveness: true }) })),
    writes: servers.proxy.writes.filter(({ repository }) => repositories.includes(repository)),
    grants: found.flatMap(({ grants }) => grants),
    reports: found.flatMap(({ reports }) => reports),
    announced: found.flatMap(({ announced }) => announced),
    tenantStates: stage.tenantStates,
    tenantRequests: [...tenants, ...production].flatMap(({ name: tenant, requests }) =>
      requests.map(({ at, method, path, status }) => ({ at, tenant, route: `${method} ${path}`, status })),
    ),
    runs: found.map(({ run }) => run),
    asked: stage.asked,
    direct: stage.direct,
    autoRollback: stage.autoRollback,
    isCalm: stage.isCalm,
    latest: Object.fromEntries(repositories.map((repository, index) => [repository, latest[index] ?? null])),
    texts: [...stage.logs(), ...found.map(({ run, text }) => ({ name: `history of ${run.workflowId}`, text }))],
    secrets: stage.secrets,
    graceMs: GRACE_MS,
    soakMs: SOAK_MS,
    probeMs: PROBE_MS,
    staleMs: stage.staleMs,
    slowMs: stage.slowMs,
    jumpMs: stage.jumpMs,
  };
}
