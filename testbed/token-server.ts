import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RegistryAuth } from './registry-server.js';
import { type Answer, ociError, type RegistryRequest } from './registry-store.js';

export interface TokenUser {
  readonly name: string;
  readonly password: string;
  readonly push: boolean;
  /** Refresh token of the user, as `docker login` stores it for some registries. */
  readonly identityToken?: string;
}

export interface TokenServerOptions {
  readonly users: readonly TokenUser[];
  /** Access of anonymous requests; none if left out. */
  readonly anonymousPull?: boolean;
}

/** A token request, without its secrets. */
export interface LoggedTokenRequest {
  readonly method: string;
  /** Undefined: anonymous. */
  readonly user: string | undefined;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly hadAuthorization: boolean;
  readonly status: number;
}

/** Switches of the server, which a test may set at any time. */
export interface TokenBehavior {
  /** Life of a token, in seconds. */
  ttlS: number;
  /** Issues opaque tokens, which only `refuse` of this server accepts. */
  opaque: boolean;
  /** Leaves the life of a token out of the answer. */
  silentTtl: boolean;
  /** Supports only GET. */
  noPost: boolean;
  /** Replaces every answer. */
  respond: ((request: LoggedTokenRequest) => Answer | undefined) | undefined;
}

export interface TokenServer {
  /** `http://localhost:PORT/token`: crane accepts this name as a realm, but no loopback address. */
  readonly realm: string;
  /** Settings of a registry that trusts this server. */
  readonly auth: RegistryAuth & { kind: 'token' };
  readonly requests: readonly LoggedTokenRequest[];
  readonly behavior: TokenBehavior;
  /** Answer of a registry behind this server to a request without a valid token; undefined if the request is authorized. */
  refuse(request: RegistryRequest): Answer | undefined;
  /** Revokes all tokens that it issued. */
  revokeAll(): void;
  stop(): Promise<void>;
}

const SERVICE = 'test-bed-registry';
const ISSUER = 'test-bed-issuer';

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** Starts a token server of the distribution specification: GET with Basic, or POST with a refresh token, returns an ES256 token. */
export async function startTokenServer({ users, anonymousPull = false }: TokenServerOptions): Promise<TokenServer> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomUUID();
  const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] });
  const requests: LoggedTokenRequest[] = [];
  const issued = new Map<string, { access: readonly Access[]; until: number }>();
  const behavior: TokenBehavior = { ttlS: 300, opaque: false, silentTtl: false, noPost: false, respond: undefined };

  const mint = (user: TokenUser | undefined, scopes: readonly string[]): string => {
    const access = scopes.map(parseScope).map(({ type, name, actions }) => ({
      type,
      name,
      actions: actions.filter((action) => action === 'pull' || (user?.push ?? false)),
    }));
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      sub: user?.name ?? '',
      aud: SERVICE,
      iat: now,
      nbf: now,
      exp: now + behavior.ttlS,
      jti: randomUUID(),
      access,
    };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ typ: 'JWT', alg: 'ES256', kid })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(unsigned), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const token = behavior.opaque ? `opaque-${randomUUID()}` : `${unsigned}.${signature.toString('base64url')}`;
    issued.set(token, { access, until: Date.now() + behavior.ttlS * 1000 });
    return token;
  };

  const answer = (asked: TokenQuestion): Answer => {
    const { user, authorization, scopes, method } = asked;
    if (method === 'POST' && behavior.noPost) return { status: 404, headers: {} };
    if (user === undefined && (authorization || !anonymousPull))
      return json(401, { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] });
    const token = mint(user, scopes);
    return json(200, {
      token,
      ...(method === 'POST' && { access_token: token }),
      ...(!behavior.silentTtl && { expires_in: behavior.ttlS, issued_at: new Date().toISOString() }),
    });
  };

  const server = createServer(async (incoming, outgoing) => {
    const asked = await question(incoming, users);
    const { method, user, service, scopes, authorization } = asked;
    const logged = { method, user: user?.name, service, scopes, hadAuthorization: authorization };
    const usual = answer(asked);
    const given = behavior.respond?.({ ...logged, status: usual.status }) ?? usual;
    requests.push({ ...logged, status: given.status });
    sendAnswer(outgoing, given);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const realm = `http://localhost:${(server.address() as AddressInfo).port}/token`;

  const refuse = ({ method, path, headers }: RegistryRequest): Answer | undefined => {
    const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(path)?.[1] ?? '';
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : 'push';
    const known = issued.get(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '');
    const valid = known !== undefined && known.until > Date.now();
    if (valid && known.access.some((access) => access.name === name && access.actions.includes(action)))
      return undefined;
    const scope = `repository:${name}:${action === 'pull' ? 'pull' : 'pull,push'}`;
    const error =
      headers.authorization === undefined ? '' : `,error="${valid ? 'insufficient_scope' : 'invalid_token'}"`;
    const challenge = `Bearer realm="${realm}",service="${SERVICE}",scope="${scope}"${error}`;
    return ociError(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge });
  };

  return {
    realm,
    auth: { kind: 'token', realm, service: SERVICE, issuer: ISSUER, jwks },
    requests,
    behavior,
    refuse,
    revokeAll: () => issued.clear(),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface TokenQuestion {
  readonly method: string;
  readonly user: TokenUser | undefined;
  readonly authorization: boolean;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
}

async function question(incoming: IncomingMessage, users: readonly TokenUser[]): Promise<TokenQuestion> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const method = incoming.method ?? 'GET';
  if (method === 'POST') {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const user = users.find(
      ({ identityToken }) => identityToken !== undefined && identityToken === form.get('refresh_token'),
    );
    const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
    return { method, user, authorization: true, service: form.get('service') ?? undefined, scopes };
  }
  const { searchParams } = new URL(incoming.url ?? '/', 'http://token');
  const basic = /^Basic (.+)$/.exec(incoming.headers.authorization ?? '')?.[1];
  const [, name, password] = /^([^:]*):(.*)$/.exec(Buffer.from(basic ?? '', 'base64').toString()) ?? [];
  const user = users.find(
    (one) => (one.name === name && one.password === password) || (name === '<token>' && one.identityToken === password),
  );
  const scopes = searchParams.getAll('scope').filter(Boolean);
  return {
    method,
    user,
    authorization: basic !== undefined,
    service: searchParams.get('service') ?? undefined,
    scopes,
  };
}

function parseScope(scope: string): Access {
  const [, type = '', name = '', actions = ''] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
  return { type, name, actions: actions.split(',') };
}

function json(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) };
}

function sendAnswer(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, { 'content-length': body?.length ?? 0, ...headers });
  outgoing.end(body);
}
