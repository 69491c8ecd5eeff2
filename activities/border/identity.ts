import type { Config } from '../../src/config/schema.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import { issuerKeys } from '../../src/oidc/issuer-keys.js';
import { TokenRefused, tokenVerifier } from '../../src/oidc/verify-token.js';
import { withHeartbeat } from '../heartbeat.js';

/** Activity that verifies who requests or approves. */
export function createIdentityActivities({ oidcIssuers, network }: Config) {
  const verify = tokenVerifier(oidcIssuers, issuerKeys(network));
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
