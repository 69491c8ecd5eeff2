import { createLocalJWKSet } from 'jose';
import { InvalidInput } from '../../src/contract/brand.js';
import { parseSecretText, parseToken } from '../../src/contract/secret.js';
import { TokenRefused, tokenVerifier } from '../../src/oidc/verify-token.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { corpus } from '../support/corpus.js';

/** An issuer without any key: no token can be of it. */
const verify = tokenVerifier(
  [{ issuer: 'https://a.example', audience: 'canary', subject: 'repo:acme/app:*' }],
  async () => createLocalJWKSet({ keys: [] }),
);

interface Input {
  /** A token of OIDC, which is verified; a secret of a file, which is parsed; or a file of payload keys. */
  kind: 'oidc' | 'token' | 'password' | 'payload-keys';
  /** The text; of an OIDC token also its header, claims and signature. */
  text?: string;
  parts?: unknown[];
}

const encoded = (part: unknown) =>
  typeof part === 'string' ? part : Buffer.from(JSON.stringify(part)).toString('base64url');

corpus<Input>(
  'tokens',
  async ({ kind, text = '', parts }) => {
    const given = parts === undefined ? text : parts.map(encoded).join('.');
    if (kind === 'oidc') return verify(given);
    if (kind === 'payload-keys') return [...parsePayloadKeys(given).byId.keys()];
    return (kind === 'token' ? parseToken : parseSecretText)(given).length;
  },
  [InvalidInput, TokenRefused],
);
