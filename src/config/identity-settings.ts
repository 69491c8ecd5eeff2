import { InvalidInput, shown } from '../contract/brand.js';
import { VERIFIABLE, type Verifiable } from '../contract/identity.js';
import { parseToken } from '../contract/secret.js';
import { parseApprovers } from '../domain/approvers.js';
import { parseIssuers } from '../oidc/issuers.js';
import { list } from './parsers.js';
import { flag, orNull, parsed, secret, setting, text } from './setting.js';

/** Settings about who may do what (docs/security.md, Who may do what). */
export const IDENTITY_SETTINGS = {
  fourEyes: setting('CANARY_FOUR_EYES', '`true`: who requested a release must not approve it.', flag),
  approvers: setting(
    'CANARY_APPROVERS',
    'Names that alone may approve, separated by commas; `*` at the end of one stands for any rest. One that begins with `verified:` is the subject of a verified identity. Unset: any name. Letter case and blanks do not count.',
    orNull(parsed(parseApprovers)),
  ),
  oidcIssuers: setting(
    'CANARY_OIDC_ISSUERS',
    'Whose tokens prove who releases (`docs/security.md`): entries `issuer#audience#subject`, separated by commas; `*` at the end of a subject stands for any rest. Needs `CANARY_PAYLOAD_KEY_FILE`. Unset: none.',
    parsed(parseIssuers).prefault(''),
  ),
  requireVerified: setting(
    'CANARY_REQUIRE_VERIFIED',
    'What is refused without a verified identity: `promote`, `rollback`, `approve`, separated by commas. Unset: nothing.',
    parsed(parseVerifiable).prefault(''),
  ),
  oidcAudience: setting(
    'CANARY_OIDC_AUDIENCE',
    'For the command line in GitHub Actions: the audience of the token that it asks GitHub for. Unset: it asks for none.',
    orNull(text),
  ),
  oidcToken: secret(
    'CANARY_OIDC_TOKEN',
    'For the command line: a token that proves who runs it. It needs `CANARY_PAYLOAD_KEY_FILE`.',
    orNull(parsed(parseToken)),
  ),
};

/** @throws {InvalidInput} */
function parseVerifiable(names: string): Verifiable[] {
  const known: readonly string[] = VERIFIABLE;
  const wanted = list(names);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InvalidInput(`invalid name ${shown(unknown)}: expected ${VERIFIABLE.join(', ')}`);
  return VERIFIABLE.filter((name) => wanted.includes(name));
}

/** Identity settings that cannot work together. */
export function identityProblems(given: {
  oidcIssuers: unknown[];
  requireVerified: Verifiable[];
  payloadKeyFile: string | null;
}): string[] {
  const { oidcIssuers, requireVerified, payloadKeyFile } = given;
  return [
    ...(requireVerified.length > 0 && oidcIssuers.length === 0
      ? ['CANARY_REQUIRE_VERIFIED needs CANARY_OIDC_ISSUERS: no one could be verified']
      : []),
    ...(oidcIssuers.length > 0 && payloadKeyFile === null
      ? ['CANARY_OIDC_ISSUERS needs CANARY_PAYLOAD_KEY_FILE: tokens would be in histories in clear']
      : []),
  ];
}
