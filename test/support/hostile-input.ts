import type { Decidable } from '../../src/domain/decide.js';
import { DIRECT } from '../../src/net/network.js';
import { alerts, drift, type Judge, prometheus, z } from '../../src/smoke/index.js';
import { createControlPlane } from '../../src/tenants/control-plane/client.js';
import { PLANTED } from './corpus.js';

// What receives hostile input, in files and at random.

/** A release that waits for an approval. */
export const HELD: Decidable = {
  phase: 'awaiting-approval',
  hold: {
    id: 'approval-1',
    name: 'approval',
    why: 'an approval is required',
    since: '2026-11-28T00:00:00.000Z',
    until: '2026-12-02T00:00:00.000Z',
  },
  decided: null,
  moving: false,
};

/** Why a decision or a command is refused; empty if it is taken. */
export function refusalIn(result: object): string {
  const { refusal, refused } = result as { refusal?: string; refused?: string };
  return refusal ?? refused ?? '';
}

const asking = (host: string) => ({ url: `http://${host}`, token: { env: 'TOKEN' } });
const quietOr = (state: string) => z.object({ state: z.literal(state) });

/** Judges that ask a server, by kind. */
export const JUDGES = {
  prometheus: (host) => prometheus('a', 'b', { ...asking(host), query: 'up', is: { atMost: 1 }, samples: 1 }),
  alertmanager: (host) => alerts('a', 'b', { ...asking(host), from: 'alertmanager', filter: [], watchdog: 'Watchdog' }),
  datadog: (host) => alerts('a', 'b', { ...asking(host), from: 'datadog', monitor: 7 }),
  json: (host) =>
    alerts('a', 'b', { ...asking(host), from: 'json', quiet: quietOr('quiet'), firing: quietOr('firing') }),
  drift: () => drift('a', 'b', { observe: false, read: [{ path: '/c', values: ['flags'], keys: ['parts'] }] }),
} satisfies Record<string, (host: string) => Judge>;

/** Calls of the control plane that are answered. */
export type ControlPlaneCall = 'orgs' | 'token' | 'create' | 'redeploy';

/** Asks a control plane. */
export async function askControlPlane(host: string, asks: ControlPlaneCall): Promise<unknown> {
  const controlPlane = createControlPlane({
    baseUrl: `http://${host}`,
    adminToken: () => PLANTED,
    sharedSecret: () => null,
    tenantUrl: null,
    network: DIRECT,
  });
  const slug = controlPlane.slugOf({ slug: 'canary-2' });
  if (asks === 'create') return (await controlPlane.createOrg(slug)) === undefined ? 'no JSON' : 'created';
  // The token itself is a secret: only its length is kept.
  if (asks === 'token') return `a token of ${(await controlPlane.adminToken(slug)).length} characters`;
  const order = { target_tag: 'latest', canary_slug: slug, soak_seconds: 0, batch_size: 1 };
  if (asks === 'redeploy') return controlPlane.redeployFleet(order, 20_000);
  // What each org becomes: a name, and an address.
  return (await controlPlane.orgs()).map((org) => [controlPlane.slugOf(org), controlPlane.originOf(org)]);
}
