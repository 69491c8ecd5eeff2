/** The ways in which a build, or a test, can make a tenant misbehave. `/health` and `/buildinfo` stay up in all of them. */
export const MISBEHAVIOURS = {
  'memory-search': 'memory search finds nothing: it answers 200 and []',
  'search-echo': 'memory search answers a 404 HTML page that echoes the query',
  'html-500': 'every admin call answers 500 with an HTML page in which "subsystems", "id" and [ occur',
  'empty-subsystems': 'liveness answers 200 with an empty subsystems map',
  'open-liveness': 'liveness answers 200 to anybody, token or not',
  'workspaces-object': 'the workspace list is an object instead of an array',
  'events-html': 'events answers 200 with an HTML page',
  'commit-no-id': 'memory commit answers 201 without an id',
  hang: 'every admin call is accepted and never answered',
  slow: 'every admin call is answered right, but only after `slowMs`',
  'reject-token': 'the right token is refused with 401',
  'bad-gateway': 'every admin call answers 502, as a load balancer does whose tenant is away',
  'no-build': 'it does not say which build it runs: /health has no sha, /buildinfo says dev',
  'wrong-build': 'it says that it runs another build than it does',
} as const satisfies Record<string, string>;

/** One key of `MISBEHAVIOURS`. */
export type Misbehaviour = keyof typeof MISBEHAVIOURS;

/** Reads the misbehaviours of a build's label or of a test; an unknown name is an error. */
export function misbehavioursOf(given: string | readonly string[]): ReadonlySet<Misbehaviour> {
  const names = (typeof given === 'string' ? given.split(',') : [...given]).map((name) => name.trim()).filter(Boolean);
  const known = (name: string): name is Misbehaviour => Object.hasOwn(MISBEHAVIOURS, name);
  return new Set(
    names.map((name) => {
      if (known(name)) return name;
      throw new Error(`unknown misbehaviour "${name}"; known: ${Object.keys(MISBEHAVIOURS).join(', ')}`);
    }),
  );
}
