import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** An org as `GET /cp/admin/orgs` lists it, and what the control plane keeps beside. */
export interface Org {
  id: string;
  slug: string;
  is_canary: boolean;
  /** Null before its first provision. */
  instance_status: 'provisioning' | 'running' | 'failed' | null;
  instance_error?: string;
  /** Where its tenant answers, once it runs. */
  url?: string;
  adminToken?: string;
}

/** Tenant that a provision starts. */
export interface Instance {
  url: string;
  token: string;
}

export interface ControlPlaneRequest {
  /** `POST /cp/admin/orgs/:slug/canary`. */
  route: string;
  slug: string | null;
  body: unknown;
}

/** Answer that replaces the right one; `never` keeps the connection open, `cut` does the work and loses its answer. */
export type Replaced = { status: number; body?: unknown; headers?: Record<string, string> } | 'never' | 'cut';

export interface ControlPlaneOptions {
  adminToken: string;
  /** Bearer token of the calls that are not admin calls; without it they take the admin token. */
  sharedSecret?: string;
  /** Starts the tenant of an org; its token and address. */
  instance?: (slug: string) => Instance | Promise<Instance>;
  provisionMs?: number;
  /** Work of `redeploy-fleet`: takes the tag to the tenants; returns the slugs that it reached. */
  redeploy?: (order: Record<string, unknown>) => string[] | Promise<string[]>;
}

const ROUTES: [RegExp, string][] = [
  [/^POST \/cp\/orgs$/, 'POST /cp/orgs'],
  [/^POST \/cp\/orgs\/([^/]+)\/provision$/, 'POST /cp/orgs/:slug/provision'],
  [/^GET \/cp\/admin\/orgs$/, 'GET /cp/admin/orgs'],
  [/^POST \/cp\/admin\/orgs\/([^/]+)\/canary$/, 'POST /cp/admin/orgs/:slug/canary'],
  [/^GET \/cp\/admin\/orgs\/([^/]+)\/admin-token$/, 'GET /cp/admin/orgs/:slug/admin-token'],
  [/^POST \/cp\/admin\/tenants\/redeploy-fleet$/, 'POST /cp/admin/tenants/redeploy-fleet'],
  [/^DELETE \/cp\/admin\/tenants\/([^/]+)$/, 'DELETE /cp/admin/tenants/:slug'],
];

type Answer = { status: number; body: unknown; headers?: Record<string, string> };

/** A control plane as the seed's page describes it: a real HTTP server with a switch for each refusal and fault. */
export type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

export async function startControlPlane(options: ControlPlaneOptions) {
  const orgs = new Map<string, Org>();
  const requests: ControlPlaneRequest[] = [];
  const unforeseen: string[] = [];
  /** Answers by route that replace the right ones, in order. */
  const replaced = new Map<string, Replaced[]>();
  const provisioning = new Set<Promise<void>>();
  const stopping = new AbortController();
  const switches = {
    /** Why instances fail, until an org is deleted; null lets them run. */
    failure: null as string | null,
    /** How long an instance takes, in ms. */
    provisionMs: options.provisionMs ?? 20,
    /** Whether an org that is created is provisioned at once, into the account that it then has. */
    provisionsAtOnce: false,
    /** Fields that are left out of each org of the list. */
    leftOut: [] as string[],
  };
  let created = 0;

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const call = `${request.method} ${request.url}`;
    const [pattern, route] = ROUTES.find(([one]) => one.test(call)) ?? [null, call];
    const slug = pattern?.exec(call)?.[1] ?? null;
    const body: unknown = text === '' ? null : JSON.parse(text);
    requests.push({ route, slug, body });
    const [other] = replaced.get(route)?.splice(0, 1) ?? [];
    if (other === 'never') return;
    if (typeof other === 'object') return end(response, { body: { error: `status ${other.status}` }, ...other });
    const isAdmin = call.includes('/cp/admin/');
    const wanted = isAdmin ? options.adminToken : (options.sharedSecret ?? options.adminToken);
    if (request.headers.authorization !== `Bearer ${wanted}`)
      return end(response, { status: 401, body: { error: 'admin token required' } });
    const answer = await answerTo(route, slug, Object(body));
    if (other === 'cut') return void response.destroy();
    end(response, answer);
  }

  async function answerTo(route: string, slug: string | null, body: Record<string, unknown>): Promise<Answer> {
    if (route === 'POST /cp/orgs') return createOrg(String(body.slug));
    if (route === 'GET /cp/admin/orgs') return { status: 200, body: { orgs: [...orgs.values()].map(listed) } };
    if (route === 'POST /cp/admin/tenants/redeploy-fleet') return redeploy(body);
    if (!ROUTES.some(([, known]) => known === route)) {
      unforeseen.push(route);
      return { status: 404, body: { error: 'not found' } };
    }
    const org = orgs.get(slug ?? '');
    if (!org) return { status: 404, body: { error: 'org not found' } };
    if (route === 'POST /cp/orgs/:slug/provision') return provision(org);
    if (route === 'POST /cp/admin/orgs/:slug/canary') return markCanary(org, body.is_canary === true);
    if (route === 'DELETE /cp/admin/tenants/:slug') return remove(org, body.confirm);
    if (org.instance_status !== 'running') return { status: 409, body: { error: 'instance is not running' } };
    return { status: 200, body: { admin_token: org.adminToken } };
  }

  function createOrg(slug: string): Answer {
    if (!/^[a-z][a-z0-9-]{1,30}$/.test(slug)) return { status: 400, body: { error: 'invalid slug' } };
    if (orgs.has(slug)) return { status: 409, body: { error: 'slug is taken' } };
    created += 1;
    const org: Org = { id: `org-${created}`, slug, is_canary: false, instance_status: null };
    orgs.set(slug, org);
    if (switches.provisionsAtOnce) provision(org);
    return { status: 201, body: { id: org.id, slug } };
  }

  function markCanary(org: Org, isCanary: boolean): Answer {
    if (org.is_canary !== isCanary && org.instance_status !== null)
      return { status: 409, body: { error: 'already provisioned' } };
    org.is_canary = isCanary;
    return { status: 200, body: { slug: org.slug, is_canary: isCanary } };
  }

  function provision(org: Org): Answer {
    if (org.instance_status === 'provisioning' || org.instance_status === 'running')
      return { status: 409, body: { error: `instance is ${org.instance_status}` } };
    org.instance_status = 'provisioning';
    const { failure } = switches;
    const work = (async () => {
      await sleep(switches.provisionMs, undefined, { signal: stopping.signal });
      if (failure !== null) Object.assign(org, { instance_status: 'failed', instance_error: failure });
      else {
        const { url: tenant, token } = (await options.instance?.(org.slug)) ?? { url: url, token: 'tenant-token' };
        Object.assign(org, { instance_status: 'running', url: tenant, adminToken: token });
      }
    })().catch(() => undefined);
    provisioning.add(work);
    return { status: 202, body: { slug: org.slug, instance_status: org.instance_status } };
  }

  function remove(org: Org, confirm: unknown): Answer {
    if (confirm !== org.slug) return { status: 400, body: { error: 'confirm must be the slug' } };
    orgs.delete(org.slug);
    switches.failure = null;
    return { status: 200, body: { deleted: org.slug } };
  }

  async function redeploy(order: Record<string, unknown>): Promise<Answer> {
    const reached = (await options.redeploy?.(order)) ?? [];
    const results = reached.map((slug) => ({
      slug,
      phase: slug === order.canary_slug ? 'canary' : 'batch-1',
      ssm_status: 'Success',
      ssm_exit_code: 0,
      healthz_ok: true,
      error: '',
    }));
    return { status: 200, body: { ok: true, results } };
  }

  function listed(org: Org): unknown {
    const { adminToken: _, ...shown } = org;
    return Object.fromEntries(Object.entries(shown).filter(([name]) => !switches.leftOut.includes(name)));
  }

  return {
    url,
    orgs,
    /** Every request since the start, without credentials. */
    requests,
    /** Calls that no page describes; a test asserts that it is empty. */
    unforeseen,
    switches,
    /** Replaces the next answers of a route, in order. */
    answerNext: (route: string, ...answers: Replaced[]) => replaced.set(route, answers),
    /** How often a route was called. */
    calls: (route: string): number => requests.filter((one) => one.route === route).length,
    /** Loses what it knows of an org. */
    forget: (slug: string) => orgs.delete(slug),
    stop: async (): Promise<void> => {
      stopping.abort();
      await Promise.all(provisioning);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function end(response: ServerResponse, { status, body, headers }: Partial<Answer> & { status: number }): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
