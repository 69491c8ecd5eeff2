import { InvalidInput, shown } from '../contract/brand.js';
import type { Person, ReleaseApprovers } from '../contract/identity.js';
import { oneLine } from './markdown.js';

/** Most approvers, and the longest of them in characters: the plan keeps them. */
const MAX_APPROVERS = 50;
const MAX_NAME = 200;
/** Longest list of approvers in a text, in characters. */
const MAX_SHOWN = 300;

/** Name as names are compared: letter case, blanks and characters that are not seen do not count. */
const folded = (name: string) =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s\p{C}]/gu, '');

/**
 * Why a person may not approve a release, with the rule and the fix; null if the person may. The only place that decides it: for updates, for
 * signals of the Temporal UI, and for a `promoteOnly`, which is an approval by its requester.
 */
export function approverRefusal(
  { fourEyes, approvers, requester }: ReleaseApprovers,
  approver: Person | null,
): string | null {
  if (fourEyes && !requester?.by.trim())
    return 'CANARY_FOUR_EYES: the release names no requestedBy; abort it, and start it with one';
  if (fourEyes && requester && (!approver || folded(approver.by) === folded(requester.by)))
    return `CANARY_FOUR_EYES: ${requester.by} requested the release, so another person must approve it`;
  if (approvers === null || approvers.some((entry) => approver && matches(entry, approver.by))) return null;
  return `CANARY_APPROVERS: ${approver?.by ?? 'a caller without a name'} is none of ${listed(approvers)}, one of whom must approve it`;
}

/** Who may approve, for texts; empty if anybody may. */
export function describeApprovers({ fourEyes, approvers, requester }: ReleaseApprovers): string {
  const parts = [
    ...(approvers ? [`by ${listed(approvers)}`] : []),
    ...(fourEyes ? [`not by ${requester?.by ?? 'its requester'}, who requested it`] : []),
  ];
  return parts.join(', ');
}

const listed = (approvers: string[]) => oneLine(approvers.join(' or '), MAX_SHOWN);

function matches(entry: string, name: string): boolean {
  const [allowed, given] = [folded(entry), folded(name)];
  return allowed.endsWith('*') ? given.startsWith(allowed.slice(0, -1)) : given === allowed;
}

/** Parses `CANARY_APPROVERS`: names, separated by commas or newlines, for a name may have blanks.
 * @throws {InvalidInput} */
export function parseApprovers(names: string): string[] {
  const entries = names
    .split(/[,\n]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (entries.length === 0 || entries.length > MAX_APPROVERS)
    throw new InvalidInput(`invalid list ${shown(names)}: expected 1 to ${MAX_APPROVERS} names`);
  const bad = entries.find((name) => name.length > MAX_NAME || !/^[^*]+\*?$/.test(name) || folded(name) === '');
  if (bad !== undefined)
    throw new InvalidInput(`invalid name ${shown(bad)}: expected a name, or its begin and one * at the end`);
  return entries;
}
