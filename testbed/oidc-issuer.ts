import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** Switches of the issuer, which a test may set at any time. */
export interface IssuerBehavior {
  /** Answers nothing but 503. */
  down: boolean;
  /** Takes requests and answers none. */
  silent: boolean;
  /** Answers a list of keys without end. */
  endless: boolean;
  /** Names another issuer in its configuration. */
  poses: string | null;
}

/** Claims of a token, and how it is wrong. */
export interface TokenSpec {
  subject: string;
  audience?: string;
  actor?: string;
  /** Seconds from now; negative: it has expired. */
  expiresIn?: number;
  issuer?: string;
  /** Signed by a key that is not the issuer's, under the id of one that is. */
  forged?: boolean;
}

export interface OidcIssuer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Paths of the requests so far. */
  readonly requests: string[];
  readonly behavior: IssuerBehavior;
  /** Signs a token, valid for five minutes unless told otherwise. */
  token(spec: TokenSpec): Promise<string>;
  /** Replaces the key, under another id. */
  rotate(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an OIDC issuer with keys of its own. It answers `/runner-token?audience=…` as GitHub's runner does, too. */
export async function startOidcIssuer(runner?: { key: string; spec: TokenSpec }): Promise<OidcIssuer> {
  const newKey = () => generateKeyPair('RS256');
  let [keys, number] = [await newKey(), 1];
  const stranger = await newKey();
  const requests: string[] = [];
  const behavior: IssuerBehavior = { down: false, silent: false, endless: false, poses: null };
  const token = ({ subject, audience = 'canary', actor, expiresIn = 300, issuer = url, forged }: TokenSpec) =>
    new SignJWT({ ...(actor !== undefined && { actor }) })
      .setProtectedHeader({ alg: 'RS256', kid: `key-${number}` })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(Math.floor(Date.now() / 1_000) - 600)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresIn)
      .sign(forged ? stranger.privateKey : keys.privateKey);
  const answer = async (path: string, authorization: string | undefined): Promise<unknown> => {
    const { pathname, searchParams } = new URL(path, url);
    if (pathname === '/.well-known/openid-configuration')
      return { issuer: behavior.poses ?? url, jwks_uri: `${url}/keys` };
    if (pathname === '/keys')
      return { keys: [{ ...(await exportJWK(keys.publicKey)), kid: `key-${number}`, alg: 'RS256' }] };
    if (pathname === '/runner-token' && runner && authorization === `Bearer ${runner.key}`)
      return { value: await token({ ...runner.spec, audience: searchParams.get('audience') ?? '' }) };
    return null;
  };
  const respond = async (path: string, authorization: string | undefined, response: ServerResponse) => {
    if (behavior.silent) return;
    if (behavior.down) return void response.writeHead(503).end();
    if (behavior.endless && path === '/keys') return flood(response);
    const body = await answer(path, authorization);
    response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    void respond(request.url ?? '', request.headers.authorization, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    behavior,
    token,
    async rotate() {
      keys = await newKey();
      number += 1;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function flood(response: ServerResponse): void {
  const write = () => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', write);
  };
  response.writeHead(200);
  write();
}
