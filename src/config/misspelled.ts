import { type Env, SECRETS, SETTING_NAMES, UNSUPPORTED, variableOf } from './schema.js';

/** What the SDK's environment configuration reads, and the file of a key that is rotated. */
const TEMPORAL = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_API_KEY_FILE',
  'TEMPORAL_CONFIG_FILE',
  'TEMPORAL_PROFILE',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_CERT_DATA',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_DATA',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
  'TEMPORAL_TLS_SERVER_NAME',
];

/** Names of other programs that are close to one of ours: GitHub's runner sets them. */
const OTHERS = ['GITHUB_ACTION', 'GITHUB_ACTIONS'];

/** Longest difference of a misspelled name: letters that were added, left out, changed or swapped. */
const MAX_DISTANCE = 2;

/** Variables that are set and have no effect, but would by a name that differs in its case or in at most two letters. */
export function misspelled(env: Env): { name: string; meant: string }[] {
  const variables = SETTING_NAMES.map(variableOf);
  const known = [...variables, ...SECRETS.map((name) => `${name}_FILE`), ...TEMPORAL];
  const others = new Set([...known, ...OTHERS, ...UNSUPPORTED]);
  const set = Object.keys(env).filter((name) => (env[name] ?? '').trim() !== '' && !others.has(name));
  return set.flatMap((name) => {
    const [nearest] = known
      .map((meant) => ({ meant, distance: distanceOf(name.toUpperCase(), meant) }))
      .sort((a, b) => a.distance - b.distance);
    return nearest && nearest.distance <= MAX_DISTANCE ? [{ name, meant: nearest.meant }] : [];
  });
}

/** Edits from one name to another (optimal string alignment), or more than `MAX_DISTANCE` as soon as it is known to be. */
function distanceOf(from: string, to: string): number {
  const far = MAX_DISTANCE + 1;
  if (Math.abs(from.length - to.length) > MAX_DISTANCE) return far;
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  let leastBefore = 0;
  for (let i = 1; i <= from.length; i += 1) {
    const row: number[] = i <= MAX_DISTANCE ? [i] : [];
    let least = row[0] ?? far;
    // Only what is near the diagonal can end within the distance.
    for (let j = Math.max(1, i - MAX_DISTANCE); j <= Math.min(to.length, i + MAX_DISTANCE); j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = i > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const edits = Math.min(
        (last[j] ?? far) + 1,
        (row[j - 1] ?? far) + 1,
        (last[j - 1] ?? far) + (isSame ? 0 : 1),
        isSwap ? (before[j - 2] ?? far) + 1 : far,
      );
      row[j] = edits;
      least = Math.min(least, edits);
    }
    // The names of most variables differ from ours in their first letters.
    if (least > MAX_DISTANCE && leastBefore > MAX_DISTANCE) return far;
    [before, last, leastBefore] = [last, row, least];
  }
  return last[to.length] ?? far;
}
