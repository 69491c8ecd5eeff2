import { z } from 'zod';
import type { BuildSource, PlannedTenant, TenantBuild } from '../domain/release.js';
import { parseSha } from '../domain/sha.js';
import { NoAnswer, send } from '../http.js';

/** A tenant tells its build at once or is asked again at the next poll. */
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_BODY = 64 * 1024;

/** Asks every tenant at once which build it runs. A tenant that does not say is a result, with the reason.
 * @throws the signal's own reason when it is aborted. */
export function askBuilds(
  tenants: PlannedTenant[],
  probe: BuildSource[],
  signal?: AbortSignal,
): Promise<TenantBuild[]> {
  return Promise.all(tenants.map((tenant) => askBuild(tenant, probe, signal)));
}

async function askBuild(tenant: PlannedTenant, probe: BuildSource[], signal?: AbortSignal): Promise<TenantBuild> {
  const reasons: string[] = [];
  for (const source of probe) {
    const told = await askSource(tenant.origin, source, signal);
    if ('build' in told) return { tenant: tenant.name, build: told.build };
    reasons.push(`${source.path}: ${told.why}`);
  }
  return { tenant: tenant.name, build: null, why: reasons.join(', ') };
}

async function askSource(origin: string, { path, field }: BuildSource, signal?: AbortSignal) {
  try {
    const answer = await send({
      method: 'GET',
      url: new URL(path, origin),
      headers: { accept: 'application/json' },
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_BODY,
      ...(signal && { signal }),
    });
    if (answer.status !== 200) return { why: `status ${answer.status}` };
    const value = z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body.toString('utf8')))[field];
    return value === undefined ? { why: `no ${field}` } : { build: parseSha(value) };
  } catch (error) {
    if (error instanceof NoAnswer) return { why: error.code };
    signal?.throwIfAborted();
    return { why: `no build in ${field}` };
  }
}
