import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { TenantBuild } from '../../src/contract/tenants/build.js';
import type { Interruption } from '../../src/contract/tenants/watched.js';
import { type FleetWatchState, observe } from '../../src/domain/fleet-watch.js';
import { DIRECT, withProxy } from '../../src/net/network.js';
import { parseProxy } from '../../src/net/proxy.js';
import { releasePage } from '../../src/report/html/release-page.js';
import { renderReport } from '../../src/report/render.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { parseBuildProbe } from '../../src/tenants/build-probe.js';
import { record } from '../support/records.js';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Builds that tenants report which redirect, and which a proxy hides. Each host that may not be told is `internal`, or `localhost`. */
async function answers(): Promise<TenantBuild[]> {
  const server = createServer(({ url }, response) => {
    // The bracket at the end of the first address once ended what a report left out.
    const location = url === '/a' ? 'https://first.internal/login(1)' : 'https://second.internal/x';
    response.writeHead(302, { location }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const network = withProxy(DIRECT, parseProxy('http://localhost:1', 'HTTP_PROXY'));
  const access = { token: '', headers: {}, network };
  const hidden = { name: 'canary-2', origin: 'http://tenant.internal' };
  const tenants = [{ name: 'canary-1', origin }, hidden];
  return askBuilds(tenants, parseBuildProbe('/a#sha,/b#sha'), new Map([[hidden.origin, access]]));
}

/** Interruptions that a watch makes of the same answers in two rounds. */
function interruptionsOf(builds: TenantBuild[]): Interruption[] {
  const probes = builds.map((build) => ({ build, smoke: { tenant: build.tenant, checks: [] } }));
  const round = { at: 0, sinceLastMs: 0, unwatchedMs: 0, probes };
  const options = { sha: '9e82b1d', unreported: [], gapMs: 1_000 };
  const before: FleetWatchState = { stretch: null, doubtful: [], doubts: {}, failing: [] };
  const { end } = observe(observe(before, round, options).state, round, options);
  return end !== null && 'interrupted' in end ? end.interrupted : [];
}

describe('what tenants answer about their build', () => {
  test('is public without the host of a redirect or of a proxy, which people of the gate are shown', async () => {
    const builds = await answers();
    expect(builds).toEqual([
      {
        tenant: 'canary-1',
        build: null,
        why: '/a: status 302, a redirect, /b: status 302, a redirect',
        detail: '/a: it redirects to https://first.internal/login(1), /b: it redirects to https://second.internal/x',
        silent: true,
      },
      {
        tenant: 'canary-2',
        build: null,
        why: '/a: ECONNREFUSED, /b: ECONNREFUSED',
        detail:
          '/a: ECONNREFUSED, through the proxy localhost:1 (HTTP_PROXY), /b: ECONNREFUSED, through the proxy localhost:1 (HTTP_PROXY)',
        silent: true,
      },
    ]);
    const interruptions = interruptionsOf(builds);
    expect(interruptions).toHaveLength(2);
    const run = record({
      interruptions,
      notTested: builds.map(({ tenant, why }) => ({
        kind: 'unconfirmed',
        about: tenant,
        text: `unconfirmed: ${tenant} reports no build (${why})`,
      })),
    });
    const markdown = renderReport(run);
    expect(markdown).toContain('- unconfirmed: canary-1 reports no build (/a: status 302, a redirect, /b: ');
    for (const text of [markdown, String(releasePage(run, []))]) {
      expect(text).toContain('canary-2');
      expect(text).not.toMatch(/internal|localhost/);
    }
  });
});
