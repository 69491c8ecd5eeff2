import type { Config } from '../src/config/schema.js';
import type { VerifiedIdentity } from '../src/contract/identity.js';
import { MoveRefusal } from '../src/move/write-lease.js';
import { TokenRefused, tokenVerifier } from '../src/oidc/verify-token.js';
import { withHeartbeat } from './heartbeat.js';

/** Activity that verifies who requests or approves. */
export function createIdentityActivities({ oidcIssuers }: Config) {
  const verify = tokenVerifier(oidcIssuers);
  return {
    /** Verifies a token; an issuer that cannot be reached is asked again. */
    async verifyIdentity(token: string): Promise<VerifiedIdentity> {
      try {
        return await withHeartbeat(() => verify(token));
      } catch (error) {
        throw error instanceof TokenRefused ? new MoveRefusal('unverified', error.message) : error;
      }
    },
  };
}
