/** Misbehaviors that a build or a test can switch on in a tenant. `/health` and `/buildinfo` answer in all of them but `bad-edge` and `unavailable`. */
export const MISBEHAVIORS = {
  'memory-search': 'memory search finds nothing: it answers 200 and []',
  'search-echo': 'memory search answers a 404 HTML page that echoes the query',
  'html-500': 'every admin call answers 500 with an HTML page in which "subsystems", "id" and [ occur',
  'empty-subsystems': 'liveness answers 200 with an empty subsystems map',
  'echo-token': 'liveness answers right, and repeats the token that it was sent',
  'open-liveness': 'liveness answers 200, with or without a token',
  'workspaces-object': 'the workspace list is an object instead of an array',
  'events-html': 'events answers 200 with an HTML page',
  'commit-no-id': 'memory commit answers 201 without an id',
  hang: 'every admin call is accepted and never answered',
  slow: 'every admin call is answered right, but only after `slowMs`',
  'reject-token': 'the right token is refused with 401',
  'hang-commit': 'memory commit is accepted and never answered; reads are right',
  'reject-commit': 'memory commit refuses the right token with 401; reads are right',
  'bad-gateway': 'every admin call answers 502, as a load balancer does whose tenant is away',
  'bad-edge': 'every request answers 502, also that for its build, as a load balancer does whose tenant is away',
  'admin-unavailable': 'every admin call answers 503 in JSON, as a tenant does that is starting or overloaded',
  unavailable: 'every request answers 503 in JSON, also that for its build',
  'no-build': 'it does not say which build it runs: /health has no sha, /buildinfo says dev',
  'wrong-build': 'it says that it runs another build than it does',
} as const satisfies Record<string, string>;

/** One key of `MISBEHAVIORS`. */
export type Misbehavior = keyof typeof MISBEHAVIORS;

/** Reads the misbehaviors of a build's label or of a test; an unknown name is an error. */
export function misbehaviorsOf(given: string | readonly string[]): ReadonlySet<Misbehavior> {
  const names = (typeof given === 'string' ? given.split(',') : [...given]).map((name) => name.trim()).filter(Boolean);
  const known = (name: string): name is Misbehavior => Object.hasOwn(MISBEHAVIORS, name);
  return new Set(
    names.map((name) => {
      if (known(name)) return name;
      throw new Error(`unknown misbehavior "${name}"; known: ${Object.keys(MISBEHAVIORS).join(', ')}`);
    }),
  );
}
