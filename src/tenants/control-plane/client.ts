import type { z } from 'zod';
import { InvalidSecret, parseToken } from '../../contract/secret.js';
import { parseSlug, type Slug } from '../../contract/tenants/added.js';
import { type HttpAnswer, type HttpRequest, NoAnswer, send } from '../../net/http.js';
import { isLoopback } from '../../net/loopback.js';
import type { Network } from '../../net/network.js';
import { createRedactor } from '../../net/redact.js';
import { retryAfterMs } from '../../net/retry-after.js';
import { USER_AGENT } from '../../smoke/session.js';
import { parseOrigin } from '../fleet.js';
import { ADMIN_TOKEN, ANY, differences, ORGS, type Org, REDEPLOYED, type Redeployed } from './answers.js';

/** One call, in milliseconds: what takes longer is polled. */
const CALL_TIMEOUT_MS = 15_000;
/** Longest answer, in bytes: a list of some thousand orgs. */
const MAX_ANSWER = 4 * 1024 * 1024;

/** How the control plane is reached. */
export interface ControlPlaneOptions {
  /** Its origin. */
  baseUrl: string;
  /** Secrets as they are now. */
  adminToken: () => string;
  sharedSecret: () => string | null;
  /** Address of a tenant, with `{slug}` in it; null to take it from the answer, or from the origin. */
  tenantUrl: string | null;
  network: Network;
}

/**
 * Fault of a call: `silent` (no answer, 429, 5xx) may pass; `denied` is a matter of the token; `refused` is a matter of the state of the
 * org; `unexpected` is an answer of another shape, or a call that the control plane does not know. No message has an address or a secret.
 */
export class ControlPlaneError extends Error {
  override readonly name = 'ControlPlaneError';
  constructor(
    readonly kind: 'silent' | 'denied' | 'refused' | 'unexpected',
    message: string,
    readonly status: number | null = null,
    /** Pause that the answer asks for, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(`control plane: ${message}`);
  }
}

export type ControlPlane = ReturnType<typeof createControlPlane>;

/** Client of the control plane. A call is sent once; the caller retries what may pass. */
export function createControlPlane(options: ControlPlaneOptions) {
  const { baseUrl, adminToken, sharedSecret, tenantUrl, network } = options;

  async function call<T>(method: HttpRequest['method'], path: string, schema: z.ZodType<T>, given: Given): Promise<T> {
    const { body, signal, timeoutMs = CALL_TIMEOUT_MS } = given;
    const [token, variable] = path.startsWith('/cp/admin/')
      ? [adminToken(), 'CANARY_CP_ADMIN_TOKEN']
      : [sharedSecret() ?? adminToken(), sharedSecret() === null ? 'CANARY_CP_ADMIN_TOKEN' : 'CANARY_CP_SHARED_SECRET'];
    const what = `${method} ${path}`;
    const answer = await send({
      method,
      url: new URL(path, baseUrl),
      headers: {
        'user-agent': USER_AGENT,
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      network,
      timeoutMs,
      silenceMs: timeoutMs,
      maxBytes: MAX_ANSWER,
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      if (error instanceof NoAnswer) throw new ControlPlaneError('silent', `${what}: no answer (${error.code})`);
      throw error;
    });
    requireSuccess(what, answer, variable);
    return parseAnswer(what, answer, schema);
  }

  return {
    /** Whether it is on this machine. */
    isLocal: isLoopback(new URL(baseUrl).hostname),
    /** All orgs. A reason of a failure, which is shown, has no secret of the control plane. */
    async orgs(signal?: AbortSignal): Promise<Org[]> {
      const { orgs } = await call('GET', '/cp/admin/orgs', ORGS, { ...(signal && { signal }) });
      if (orgs.every(({ instance_error: reason }) => reason === undefined)) return orgs;
      const redact = createRedactor([adminToken(), sharedSecret() ?? adminToken()]);
      return orgs.map(({ instance_error: reason, ...org }) =>
        reason === undefined ? org : { ...org, instance_error: redact(reason) },
      );
    },
    /** Creates an org; `refused` if there is one. */
    createOrg: (slug: Slug, given: Given = {}): Promise<unknown> =>
      call('POST', '/cp/orgs', ANY, { ...given, body: { slug, name: slug } }),
    /** Has an org provisioned into the canary account; `refused` if it is provisioned already. */
    markCanary: (slug: Slug, given: Given = {}): Promise<unknown> =>
      call('POST', `/cp/admin/orgs/${slug}/canary`, ANY, { ...given, body: { is_canary: true } }),
    /** Starts the instance of an org; `refused` if it is being started. The page names no path for it: this one is assumed. */
    provision: (slug: Slug, given: Given = {}): Promise<unknown> =>
      call('POST', `/cp/orgs/${slug}/provision`, ANY, given),
    /** Deletes an org with its instance and all data. */
    deleteTenant: (slug: Slug, given: Given = {}): Promise<unknown> =>
      call('DELETE', `/cp/admin/tenants/${slug}`, ANY, { ...given, body: { confirm: slug } }),
    /** Admin token of the tenant of an org that runs. */
    async adminToken(slug: Slug, given: Given = {}): Promise<string> {
      const path = `/cp/admin/orgs/${slug}/admin-token`;
      const { admin_token: token } = await call('GET', path, ADMIN_TOKEN, given);
      try {
        return parseToken(token);
      } catch (error) {
        if (!(error instanceof InvalidSecret)) throw error;
        throw new ControlPlaneError('unexpected', `GET ${path}: admin_token ${error.why}`);
      }
    },
    /** Takes a tag to all tenants, the canary first. It answers at the end, after minutes. */
    redeployFleet: (order: RedeployOrder, timeoutMs: number, signal?: AbortSignal): Promise<Redeployed> =>
      call('POST', '/cp/admin/tenants/redeploy-fleet', REDEPLOYED, {
        // Newer control planes refuse an order for the whole fleet that does not say so.
        body: { ...order, dry_run: false, confirm: true },
        timeoutMs,
        ...(signal && { signal }),
      }),
    /** Slug of an org, which becomes a part of addresses and names.
     * @throws {ControlPlaneError} */
    slugOf({ slug }: Pick<Org, 'slug'>): Slug {
      try {
        return parseSlug(slug);
      } catch (error) {
        throw new ControlPlaneError('unexpected', `GET /cp/admin/orgs: ${(error as Error).message}`);
      }
    },
    /** Where the tenant of an org answers.
     * @throws {ControlPlaneError} if that is not known. */
    originOf: (org: Pick<Org, 'slug' | 'url'>): string => originOf(org, baseUrl, tenantUrl),
  };
}

/** What `redeploy-fleet` is told. */
export interface RedeployOrder {
  target_tag: string;
  canary_slug: string;
  soak_seconds: number;
  batch_size: number;
}

interface Given {
  body?: unknown;
  signal?: AbortSignal;
  timeoutMs?: number;
}

function requireSuccess(what: string, { status, headers }: HttpAnswer, variable: string): void {
  if (status >= 200 && status < 300) return;
  const fault = (kind: ControlPlaneError['kind'], hint: string) =>
    new ControlPlaneError(kind, `${what}: status ${status}${hint}`, status, retryAfterMs(headers));
  if (status === 401 || status === 403) throw fault('denied', `: it refuses ${variable}`);
  if (status === 429 || status >= 500) throw fault('silent', '');
  if (status === 400 || status === 404 || status === 409 || status === 422) throw fault('refused', '');
  throw fault('unexpected', status >= 300 && status < 400 ? ': redirects are not followed' : '');
}

function parseAnswer<T>(what: string, { status, body }: HttpAnswer, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = body.length === 0 ? null : JSON.parse(body.toString('utf8'));
  } catch {
    if (schema === (ANY as z.ZodType)) return undefined as T;
    throw new ControlPlaneError('unexpected', `${what}: status ${status}: the answer is not JSON`, status);
  }
  const { data, error, success } = schema.safeParse(json);
  if (success) return data;
  throw new ControlPlaneError('unexpected', `${what}: status ${status}: ${differences(error, json)}`, status);
}

/** Hosts of the control plane: `api.X` has its tenants at `<slug>.X`, `staging-api.X` at `<slug>.staging.X`. */
function originOf({ slug, url }: Pick<Org, 'slug' | 'url'>, baseUrl: string, tenantUrl: string | null): string {
  const [, stage, domain] = /^(?:([a-z0-9-]+)-)?api\.(.+)$/.exec(new URL(baseUrl).host) ?? [];
  const derived = domain === undefined ? null : `https://{slug}.${stage === undefined ? '' : `${stage}.`}${domain}`;
  const address = tenantUrl?.replaceAll('{slug}', slug) ?? url ?? derived?.replace('{slug}', slug);
  if (address === undefined)
    throw new ControlPlaneError(
      'unexpected',
      `the address of ${slug} is not known: set CANARY_CP_TENANT_URL, e.g. https://{slug}.example.com`,
    );
  const origin = parseOrigin(address, 'the control plane gives its token');
  if (typeof origin !== 'string') throw new ControlPlaneError('unexpected', `the address of ${slug} ${origin.problem}`);
  // As for a fleet from elsewhere: a token must not go to what else listens on this machine.
  if (tenantUrl === null && origin.startsWith('http:') && !isLoopback(new URL(baseUrl).hostname))
    throw new ControlPlaneError(
      'unexpected',
      `the address of ${slug} is plain http to this machine: only a control plane of this machine may name it`,
    );
  return origin;
}
