import { InvalidInput, shown } from '../contract/brand.js';
import { isProtected } from '../net/loopback.js';

/** Whose tokens count, for whom they must be made, and about whom. */
export interface OidcIssuer {
  /** The `iss` of its tokens, exactly. */
  issuer: string;
  audience: string;
  /** Allowed subject; `*` at its end stands for any rest. */
  subject: string;
}

/** The issuer of GitHub Actions, which serves every repository there is. */
const GITHUB = 'https://token.actions.githubusercontent.com';
const EXAMPLE = `${GITHUB}#canary#repo:acme/app:environment:production`;

/** Parses `CANARY_OIDC_ISSUERS`: entries `issuer#audience#subject`, separated by commas or newlines.
 * @throws {InvalidInput} */
export function parseIssuers(text: string): OidcIssuer[] {
  return text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseIssuer);
}

function parseIssuer(entry: string): OidcIssuer {
  const bad = (why: string) => new InvalidInput(`invalid issuer ${shown(entry)}: ${why}, e.g. ${EXAMPLE}`);
  const {
    issuer = '',
    audience = '',
    subject = '',
  } = /^(?<issuer>[^#]+)#(?<audience>[^#]+)#(?<subject>.+)$/.exec(entry)?.groups ?? {};
  if (subject === '') throw bad('expected issuer#audience#subject');
  if (!URL.canParse(issuer) || !isProtected(new URL(issuer)) || new URL(issuer).search !== '')
    throw bad('expected an https address before the first #');
  const { username, password, hostname } = new URL(issuer);
  if (username || password)
    throw new InvalidInput(`invalid issuer of ${hostname}: it has a user or password: leave it out`);
  // A prefix ends where a name ends: repo:acme/app* would allow repo:acme/app-of-a-stranger.
  if (!/^[^*]+(?:[:/]\*)?$/.test(subject))
    throw bad('expected a subject, or its begin up to : or / and one * at the end');
  const isGitHub = hostname === new URL(GITHUB).hostname;
  if (isGitHub && !issuer.startsWith(GITHUB))
    throw bad('the issuer is compared letter by letter: write it as its tokens do');
  if (isGitHub && !/^repo:[^/*]+\//.test(subject)) throw bad('GitHub signs for everybody: name the owner');
  return { issuer, audience, subject };
}
