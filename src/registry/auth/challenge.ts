/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). Names of schemes and parameters are in lower case. */
export interface Challenge {
  scheme: string;
  params: Record<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** Unquoted values of real registries are more than a token: URLs, up to a comma. */
const BARE = /[^\s,"]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const GAP = /[\s,]*/y;
const SPACE = /\s*/y;
const EQUALS = /\s*=\s*/y;

/** Reads every challenge of every header of that name. Skips what it cannot read; never throws. */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  return [header ?? []].flat().flatMap(parseOne);
}

/** First challenge of each supported scheme, whatever their order: Bearer with a realm, then Basic. */
export function usableChallenges(header: string | string[] | undefined): Challenge[] {
  const all = parseChallenges(header);
  const bearer = all.find(({ scheme, params }) => scheme === 'bearer' && params.realm !== undefined);
  const basic = all.find(({ scheme }) => scheme === 'basic');
  return [bearer, basic].filter((one) => one !== undefined);
}

function parseOne(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found;
  };
  let current: Challenge | undefined;
  for (;;) {
    take(GAP);
    if (at >= text.length) return challenges;
    const word = take(TOKEN)?.[0];
    if (word === undefined) {
      at += 1;
      continue;
    }
    const afterWord = at;
    if (current && take(EQUALS)) {
      const quoted = take(QUOTED);
      const value = quoted ? (quoted[1] ?? '').replace(/\\([\s\S])/g, '$1') : (take(BARE)?.[0] ?? '');
      // The first value of a repeated parameter counts.
      if (!Object.hasOwn(current.params, word.toLowerCase())) setOwn(current.params, word.toLowerCase(), value);
      continue;
    }
    at = afterWord;
    current = { scheme: word.toLowerCase(), params: {} };
    challenges.push(current);
    // `Negotiate YII...=`: credentials in one piece, of an unsupported scheme.
    if (take(SPACE)?.[0]) take(TOKEN68);
  }
}

/** Sets a parameter, also one named `__proto__`. */
function setOwn(params: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(params, name, { value, enumerable: true, writable: true, configurable: true });
}

/** Upper limit of scopes; real challenges name one or two. */
const MAX_SCOPES = 10;

/** The scopes of a challenge, `repository:app/web:pull,push registry:catalog:*`; invalid ones are left out. */
export function parseScopes(text: string | undefined): string[] {
  return (text ?? '')
    .split(/\s+/)
    .filter((scope) => /^[a-z]+(?:\([a-z0-9]*\))?:[^\s"]+:[a-z*,]+$/i.test(scope))
    .slice(0, MAX_SCOPES);
}

/** One scope for each resource with all its actions, in the order of first mention, at most 10. */
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
