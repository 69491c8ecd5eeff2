import { z } from 'zod';
import { InvalidInput, shown } from '../contract/brand.js';
import type { BuildSource, PlannedTenant, TenantBuild } from '../contract/release.js';
import { parseSha } from '../contract/sha.js';
import { NoAnswer, send } from '../net/http.js';
import { type Access, USER_AGENT } from '../smoke/session.js';

/** A tenant tells its build at once or is asked again at the next poll. */
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_BODY = 64 * 1024;

/** Asks every tenant at once which build it runs, with its own headers and without its token. A tenant that does not say is a result, with the reason.
 * @throws the signal's own reason when it is aborted. */
export function askBuilds(
  tenants: PlannedTenant[],
  probe: BuildSource[],
  access: ReadonlyMap<string, Pick<Access, 'headers'>>,
  signal?: AbortSignal,
): Promise<TenantBuild[]> {
  const headersOf = ({ origin }: PlannedTenant) => access.get(origin)?.headers ?? {};
  return Promise.all(tenants.map((tenant) => askBuild(tenant, probe, headersOf(tenant), signal)));
}

/** Whether a tenant could tell its build at all. */
export const tellsBuild = (tenant: PlannedTenant, probe: BuildSource[]) => (tenant.buildProbe ?? probe).length > 0;

async function askBuild(
  tenant: PlannedTenant,
  probe: BuildSource[],
  headers: Access['headers'],
  signal?: AbortSignal,
): Promise<TenantBuild> {
  if (!tellsBuild(tenant, probe))
    return { tenant: tenant.name, build: null, why: 'unconfirmed: its build probe is none' };
  const reasons: string[] = [];
  for (const source of tenant.buildProbe ?? probe) {
    const told = await askSource(tenant.origin, source, headers, signal);
    if ('build' in told) return { tenant: tenant.name, build: told.build };
    reasons.push(`${source.path}: ${told.why}`);
  }
  return { tenant: tenant.name, build: null, why: reasons.join(', ') };
}

async function askSource(
  origin: string,
  { path, field }: BuildSource,
  headers: Access['headers'],
  signal?: AbortSignal,
) {
  try {
    const answer = await send({
      method: 'GET',
      url: new URL(path, origin),
      headers: { 'user-agent': USER_AGENT, ...headers, accept: 'application/json' },
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_BODY,
      ...(signal && { signal }),
    });
    if (answer.status !== 200) return { why: `status ${answer.status}` };
    const value = z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body.toString('utf8')))[field];
    if (value === undefined) return { why: `no ${field}` };
    const build = parseSha(value);
    // An organisation's id may look like a build, and some error pages repeat what they were sent.
    const repeated = Object.values(headers).some((header) => header.includes(build));
    return repeated ? { why: `${field} repeats a header` } : { build };
  } catch (error) {
    if (error instanceof NoAnswer) return { why: error.code };
    signal?.throwIfAborted();
    return { why: `no build in ${field}` };
  }
}

/** Reads `CANARY_BUILD_PROBE`: `/health#sha,/buildinfo#git_sha`, asked in this order, or `none`: then no build is ever confirmed.
 * @throws {InvalidInput} */
export function parseBuildProbe(text: string): BuildSource[] {
  if (text.trim() === 'none') return [];
  const sources = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((part) => {
      const match = /^(\/(?![/\\])[^\s#?]*)#([A-Za-z_][A-Za-z0-9_-]*)$/.exec(part);
      if (!match?.[1] || !match[2])
        throw new InvalidInput(`build probe ${shown(part)} is not path#field, e.g. /health#sha`);
      return { path: match[1], field: match[2] };
    });
  if (sources.length === 0) throw new InvalidInput('build probe is empty: write path#field, e.g. /health#sha, or none');
  return sources;
}
