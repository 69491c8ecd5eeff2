import type { VerifiedIdentity } from '../../src/contract/identity.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import { issuerKeys } from '../../src/oidc/issuer-keys.js';
import { TokenRefused, tokenVerifier } from '../../src/oidc/verify-token.js';
import { temporalNow } from '../clock.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';

/** Activity that verifies who requests or approves. */
export function createIdentityActivities({ client, config }: Pick<ActivityDependencies, 'client' | 'config'>) {
  const { oidcIssuers, network } = config;
  const verify = tokenVerifier(oidcIssuers, issuerKeys(network));
  return {
    /** Verifies a token; an issuer that cannot be reached is asked again. */
    async verifyIdentity(token: string): Promise<VerifiedIdentity> {
      try {
        return await withHeartbeat(() => verify(token, temporalNow(client)));
      } catch (error) {
        throw error instanceof TokenRefused ? new MoveRefusal('unverified', error.message) : error;
      }
    },
  };
}
