import type { Evidence, Violation } from './evidence.js';

/** Draws one run as text: a line for each start and end, decision, write and change of a tenant, in order; then what is wrong. */
export function timeline(
  evidence: Evidence,
  acts: readonly { at: number; what: string }[],
  wrong: readonly Violation[],
): string {
  const lines = [
    ...acts.map(({ at, what }) => ({ at, who: 'chaos', what })),
    ...evidence.writes.map(({ at, repository, digest, by }) => ({
      at,
      who: by,
      what: `:latest of ${repository} -> ${nameOf(evidence, digest)}`,
    })),
    ...evidence.tenantStates.map(({ at, tenant, sha }) => ({
      at,
      who: tenant,
      what: sha ? `runs ${sha.slice(0, 7)}` : 'is down',
    })),
    ...evidence.runs.flatMap(({ workflowId, startedAt, closedAt, status, failure, events }) => [
      { at: startedAt, who: workflowId, what: 'starts' },
      ...events
        .filter(({ type }) => type === 'WorkflowExecutionUpdateAccepted')
        .map(({ at, name, by }) => ({ at, who: workflowId, what: `takes ${name}${by ? ` of ${by}` : ''}` })),
      ...(closedAt === null ? [] : [{ at: closedAt, who: workflowId, what: `ends ${status} ${failure ?? ''}`.trim() }]),
    ]),
    ...wrong.map(({ at, rule, what }) => ({ at, who: `!! ${rule}`, what })),
  ].sort((one, other) => one.at - other.at);
  const first = lines.find(({ at }) => at > 0)?.at ?? 0;
  const width = Math.max(0, ...lines.map(({ who }) => who.length));
  return lines
    .map(
      ({ at, who, what }) =>
        `${(Math.max(0, at - first) / 1000).toFixed(1).padStart(7)} s  ${who.padEnd(width)}  ${what}`,
    )
    .join('\n');
}

function nameOf({ builds }: Evidence, digest: string): string {
  const build = builds.find(({ digests }) => Object.values(digests).flat().includes(digest));
  return build ? `${build.sha.slice(0, 7)} (${digest.slice(7, 14)})` : digest.slice(0, 19);
}
