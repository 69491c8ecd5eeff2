import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { MAX_TOKEN, type VerifiedIdentity } from '../contract/identity.js';
import { DIRECT } from '../net/network.js';
import { type IssuerKeys, issuerKeys, isUnknownKey } from './issuer-keys.js';
import type { OidcIssuer } from './issuers.js';

/** A token that proves nothing here. The text has no part of the token. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
}

/** Signatures that count: with a key pair, so that no one who knows the public key can sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Difference of clocks that does not count, in seconds. */
const CLOCK_SECONDS = 30;
/** Longest subject or actor that is kept, in characters. */
const MAX_CLAIM = 200;

/** @param now epoch, ms: by it a token has expired. */
export type VerifyToken = (token: string, now?: number) => Promise<VerifiedIdentity>;

/**
 * Verifies tokens of the issuers that are configured: signature, issuer, audience, expiry, subject.
 * @throws {TokenRefused}; {IssuerUnreachable}
 */
export function tokenVerifier(issuers: OidcIssuer[], keysOf: IssuerKeys = issuerKeys(DIRECT)): VerifyToken {
  return async (token, now = Date.now()) => {
    if (issuers.length === 0)
      throw new TokenRefused('this worker has no CANARY_OIDC_ISSUERS, so it can verify no token (fix: set it)');
    if (token.length > MAX_TOKEN) throw new TokenRefused(`the token is longer than ${MAX_TOKEN} characters`);
    const allowed = issuers.filter(({ issuer }) => issuer === issuerOf(token));
    const [first] = allowed;
    if (!first) throw new TokenRefused('the token is of no issuer of CANARY_OIDC_ISSUERS');
    const { issuer } = first;
    const verify = async (renew: boolean) => {
      const audience = allowed.map((one) => one.audience);
      const options = {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_SECONDS,
        currentDate: new Date(now),
        requiredClaims: ['exp', 'sub'],
      };
      return (await jwtVerify(token, await keysOf(issuer, renew), options)).payload;
    };
    try {
      const claims = await verify(false).catch((error: unknown) => {
        // The issuer may have got a new key since, or another one under the same id.
        if (isUnknownKey(error) || error instanceof errors.JWSSignatureVerificationFailed) return verify(true);
        throw error;
      });
      return identityOf(claims, allowed);
    } catch (error) {
      throw error instanceof errors.JOSEError ? new TokenRefused(reasonOf(error)) : error;
    }
  };
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function identityOf({ iss, sub, aud, actor }: JWTPayload, allowed: OidcIssuer[]): VerifiedIdentity {
  const [subject, issuer] = [String(sub), String(iss)];
  const audiences = [aud].flat();
  // The subject must be allowed for the audience that the token has, and not for another one.
  if (!allowed.some((one) => audiences.includes(one.audience) && isSubject(one.subject, subject)))
    throw new TokenRefused(`its subject ${quoted(subject)} is not one of CANARY_OIDC_ISSUERS`);
  if (subject.length > MAX_CLAIM || !isPrintable(subject))
    throw new TokenRefused('its subject is too long, or has odd characters');
  const isActor = typeof actor === 'string' && actor !== '' && actor.length <= MAX_CLAIM && isPrintable(actor);
  return { issuer, subject, ...(isActor && { actor }), at: new Date().toISOString() };
}

const isSubject = (allowed: string, subject: string) =>
  allowed.endsWith('*') ? subject.startsWith(allowed.slice(0, -1)) : subject === allowed;

/** Subjects are shown as they are: no character of one may change how it reads. */
const isPrintable = (text: string) => /^[\x20-\x7e]+$/.test(text);
const quoted = (text: string) => JSON.stringify(text.slice(0, MAX_CLAIM));

/** Why a token is refused, in our words: those of the library may change, and could quote a claim. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired (fix: get a new one)';
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'aud'
      ? 'it is for another audience (fix: CANARY_OIDC_AUDIENCE)'
      : `its claim ${error.claim} is missing or wrong`;
  if (isUnknownKey(error) || error instanceof errors.JWSSignatureVerificationFailed)
    return 'its signature is not that of its issuer';
  return `it cannot be verified (${error.code})`;
}
