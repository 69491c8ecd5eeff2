import * as z from 'zod';
import type { PlannedTenant } from '../contract/release.js';
import { parseSha } from '../contract/sha.js';
import type { BuildSource, TenantBuild } from '../contract/tenants/build.js';
import { NoAnswer, send } from '../net/http.js';
import { DIRECT } from '../net/network.js';
import { isOfEdge, redirectOf } from '../smoke/answer/edge.js';
import { type Access, edgeHeaders, USER_AGENT } from '../smoke/session.js';

/** One request, in ms: a tenant reports its build at once, or is asked again at the next poll. */
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_BODY = 64 * 1024;

/** Asks all tenants in parallel which build they run, each with its own headers and without its token. A tenant that reports no build is a result, with the reason, and whether it answered at all.
 * @throws the signal's reason when it is aborted. */
export function askBuilds(
  tenants: PlannedTenant[],
  probe: BuildSource[],
  access: ReadonlyMap<string, Way>,
  signal?: AbortSignal,
): Promise<TenantBuild[]> {
  const wayTo = ({ origin }: PlannedTenant): Way => access.get(origin) ?? { headers: {} };
  return Promise.all(tenants.map((tenant) => askBuild(tenant, probe, wayTo(tenant), signal)));
}

/** Whether a tenant has a build probe at all. */
export const tellsBuild = (tenant: PlannedTenant, probe: BuildSource[]) => (tenant.buildProbe ?? probe).length > 0;

/** How a tenant is reached. */
type Way = Pick<Access, 'headers' | 'network' | 'tls' | 'edgeLogin'>;

async function askBuild(
  tenant: PlannedTenant,
  probe: BuildSource[],
  way: Way,
  signal?: AbortSignal,
): Promise<TenantBuild> {
  if (!tellsBuild(tenant, probe))
    return { tenant: tenant.name, build: null, why: 'build not confirmed: no build probe configured' };
  const reasons: string[] = [];
  const details: string[] = [];
  let silent = false;
  for (const source of tenant.buildProbe ?? probe) {
    const answer = await askSource(tenant.origin, source, way, signal);
    if ('build' in answer) return { tenant: tenant.name, build: answer.build };
    reasons.push(`${source.path}: ${answer.why}`);
    if (answer.detail !== undefined) details.push(`${source.path}: ${answer.detail}`);
    silent ||= answer.silent === true;
  }
  const detail = details.join(', ');
  return {
    tenant: tenant.name,
    build: null,
    why: reasons.join(', '),
    ...(detail !== '' && { detail }),
    ...(silent && { silent }),
  };
}

/** Why a source told no build: `why` may be public, `detail` names hosts. */
type Unreported = Pick<TenantBuild, 'detail' | 'silent'> & { why: string };

/** The code of a fault is public; what it says besides names a certificate, a proxy or a file. */
function faultOf({ failure: { code, what } }: NoAnswer): Unreported {
  const why = /^[A-Za-z][\w-]*$/.test(code) ? code : 'no answer';
  return { why, ...(what !== why && { detail: what }) };
}

async function askSource(
  origin: string,
  { path, field }: BuildSource,
  { headers, network = DIRECT, tls, edgeLogin }: Way,
  signal?: AbortSignal,
): Promise<{ build: string } | Unreported> {
  try {
    const url = new URL(path, origin);
    // The headers are looked up by origin, so nothing else may be asked with them.
    if (url.origin !== origin) return { why: 'the path leads to another origin' };
    const answer = await send({
      method: 'GET',
      url,
      headers: {
        'user-agent': USER_AGENT,
        ...headers,
        ...(edgeLogin !== undefined && edgeHeaders({ edgeLogin })),
        accept: 'application/json',
      },
      network,
      ...(tls && { tlsFor: () => tls }),
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_BODY,
      ...(signal && { signal }),
    });
    const { status } = answer;
    const redirect = redirectOf(status, answer.headers, url);
    // An error of the tenant itself is no answer to this question either; the checks judge it.
    const silent = isOfEdge({ ...answer, redirect }) || status >= 500;
    if (status !== 200 || silent)
      return {
        why: `status ${status}${redirect ? ', a redirect' : ''}`,
        ...(redirect && { detail: `it redirects to ${redirect.to}` }),
        ...(silent && { silent }),
      };
    const value = z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body.toString('utf8')))[field];
    if (value === undefined) return { why: `no ${field}` };
    const build = parseSha(value);
    // An organization's id may look like a build, and some error pages echo the request's headers.
    const repeated = Object.values(headers).some((header) => header.includes(build));
    return repeated ? { why: `${field} repeats a header` } : { build };
  } catch (error) {
    if (error instanceof NoAnswer) return { ...faultOf(error), silent: true };
    signal?.throwIfAborted();
    return { why: `no build in ${field}` };
  }
}
