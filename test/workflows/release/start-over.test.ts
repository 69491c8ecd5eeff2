import { describe, expect, test } from 'vitest';
import type { FleetRules, Quarantine } from '../../../src/contract/tenants/quarantine.js';
import { NO_PLAN, type Release } from '../../../workflows/release/context.js';
import { planWithout } from '../../../workflows/release/quarantined.js';
import { startOver } from '../../../workflows/release/watch.js';

const GONE = 'in the last day the control plane had more canary orgs, which test nothing now: us';
const COPY = 'the fleet is a copy of 2026-11-25T05:00:00.000Z, because CANARY_FLEET_URL: status 503';

/** What of a release these rules look at. */
function releaseWith(rules: FleetRules) {
  const tenants = ['eu', 'us'].map((name) => ({ name, origin: `https://${name}.example` }));
  const plan = { ...NO_PLAN, tenants, soakMs: 60_000, ...rules };
  const state = { builds: [], tenants: [], decided: null };
  return { plan, state, watch: null, notTested: [], input: {} } as unknown as Release;
}

describe('a release that starts over', () => {
  test.each<[string, FleetRules, boolean]>([
    ['keeps its fleet and configuration', {}, true],
    [
      'keeps them also if the control plane has a canary that tests nothing',
      { fleetNotes: [GONE], keepsFleet: true },
      true,
    ],
    ['reads them again on a copy of the fleet', { fleetNotes: [COPY, GONE] }, false],
  ])('%s', (_what, rules, isKept) => {
    const release = releaseWith(rules);
    const { plan } = release;
    expect(startOver(release, 'awaiting-canary')).toBe(isKept ? 'awaiting-canary' : 'resolving');
    expect(release.plan).toBe(isKept ? plan : NO_PLAN);
  });

  test('reads them again once a tenant was set aside', () => {
    const release = releaseWith({ fleetNotes: [GONE], keepsFleet: true });
    const since = '2026-11-25T12:00:00.000Z';
    const aside: Quarantine = { tenant: 'us', by: 'ada', why: 'its disk is full', since, until: since };
    expect(planWithout(release.plan, [{ ...aside, tenant: 'de' }])).toBe(release.plan);
    release.plan = planWithout(release.plan, [aside]);
    expect(release.plan).toMatchObject({
      tenants: [{ name: 'eu' }],
      fleetNotes: [GONE, expect.stringContaining('us is')],
    });
    expect(startOver(release, 'awaiting-canary')).toBe('resolving');
  });
});
