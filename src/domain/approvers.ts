import { collapsed, InvalidInput, shown } from '../contract/brand.js';
import type { Person, ReleaseApprovers, Verifiable, VerifiedIdentity } from '../contract/identity.js';
import { oneLine } from './markdown.js';

/** Most approvers, and the longest of them in characters: the plan keeps them. */
const MAX_APPROVERS = 50;
const MAX_NAME = 500;
/** Longest list of approvers in a text, in characters. */
const MAX_SHOWN = 300;
/** How a verified identity begins wherever it is shown. No claimed name begins so. */
const VERIFIED = 'verified:';

/** Name as names are compared: letter case, blanks and characters that are not seen do not count. */
const folded = (name: string) => collapsed(name.normalize('NFKC').toLowerCase(), '');

const identityOf = ({ subject, actor }: VerifiedIdentity) => (actor === undefined ? subject : `${subject} / ${actor}`);

/** Person as people read it: the claimed name, or `verified: <subject> / <actor>`. */
export const shownPerson = ({ by, verified }: Person): string =>
  verified === undefined ? by : `${VERIFIED} ${identityOf(verified)}`;

/** Whether a claimed name would be read as a verified identity. */
export const isForgedName = (name: unknown): boolean => typeof name === 'string' && folded(name).startsWith(VERIFIED);

/** Why a claimed name is refused. */
export const FORGED_NAME = `a claimed name must not begin with "${VERIFIED}" (fix: send the token, and no such name)`;

/** Name of a person that two identities are compared by: of a job, the person behind it. */
const nameOf = ({ by, verified }: Person) => folded(verified ? (verified.actor ?? verified.subject) : by);

/**
 * Why a person may not approve a release, with the rule and the fix; null if the person may. The only place that decides it: for updates, for
 * signals of the Temporal UI, and for a `promoteOnly`, which is an approval by its requester.
 */
export function approverRefusal(
  { fourEyes, approvers, verified, requester }: ReleaseApprovers,
  approver: Person | null,
): string | null {
  if (verified && !approver?.verified) return unverified('approve');
  if (fourEyes && !(requester && nameOf(requester)))
    return 'CANARY_FOUR_EYES: the release names no requestedBy; abort it, and start it with one';
  if (fourEyes && requester && (!approver || nameOf(approver) === nameOf(requester)))
    return `CANARY_FOUR_EYES: ${shownPerson(requester)} requested the release, so another person must approve it`;
  if (approvers === null || approvers.some((entry) => approver && matches(entry, approver))) return null;
  return `CANARY_APPROVERS: ${approver ? shownPerson(approver) : 'a caller without a name'} may not approve it; ${listed(approvers)} may`;
}

/** Why something that needs a verified identity is refused without one, and the fix. */
export const unverified = (what: Verifiable): string =>
  `CANARY_REQUIRE_VERIFIED: ${what} needs a verified identity (fix: canary ${what} with CANARY_OIDC_TOKEN, or with CANARY_OIDC_AUDIENCE in GitHub Actions)`;

/** Who may approve, for texts; empty if anybody may. */
export function describeApprovers({ fourEyes, approvers, verified, requester }: ReleaseApprovers): string {
  const parts = [
    ...(approvers ? [`by ${listed(approvers)}`] : []),
    ...(fourEyes ? [`not by ${requester ? shownPerson(requester) : 'its requester'}, who requested it`] : []),
    ...(verified ? ['with a verified identity'] : []),
  ];
  return parts.join(', ');
}

const listed = (approvers: string[]) => oneLine(approvers.join(' or '), MAX_SHOWN);

/** Whether an entry is that person. One that begins with `verified:` is a subject, or `subject / actor`, and no claimed name. */
function matches(entry: string, person: Person): boolean {
  const allowed = folded(entry);
  if (!allowed.startsWith(VERIFIED)) return isMatch(allowed, nameOf(person));
  const { verified } = person;
  if (!verified) return false;
  return [identityOf(verified), verified.subject].some((one) => isMatch(allowed.slice(VERIFIED.length), folded(one)));
}

const isMatch = (allowed: string, given: string) =>
  allowed.endsWith('*') ? given.startsWith(allowed.slice(0, -1)) : given === allowed;

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
