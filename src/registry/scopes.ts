/** More than a challenge has a reason to name. */
const MAX_SCOPES = 10;

/** The scopes of a challenge, `repository:app/web:pull,push registry:catalog:*`; what is none is left out. */
export function parseScopes(text: string | undefined): string[] {
  return (text ?? '')
    .split(/\s+/)
    .filter((scope) => /^[a-z]+(?:\([a-z0-9]*\))?:[^\s"]+:[a-z*,]+$/i.test(scope))
    .slice(0, MAX_SCOPES);
}

/** One scope for each resource, with all actions that any of them names, in the order of their first naming, up to a number. */
export function mergeScopes(scopes: string[]): string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, colon);
    const known = actions.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].slice(0, MAX_SCOPES).map(([resource, set]) => `${resource}:${[...set].join(',')}`);
}
