export default [
  {
    name: 'i7-empty-fleet-promotes',
    breaks: 'a gate without a fleet promotes',
    file: 'workflows/release/resolving.ts',
    find: "!hasFleet && approval === 'auto' && !input.promoteOnly",
    replace: 'release.plan.images.length === 0',
    test: 'test/workflows/release/no-fleet.test.ts > with no canary fleet a release is skipped, and :latest stays',
  },
  {
    name: 'i7-empty-file-is-no-fleet',
    breaks: 'a fleet file without a tenant lets an approval pass below the minimum',
    file: 'src/config/plan.ts',
    find: 'if (fleet === null) return {};',
    replace: 'if (fleet === null || fleet.tenants.length === 0) return {};',
    test: 'test/tenants/fleet-file.test.ts > a fleet file without a tenant keeps the minimum of its gate; without a source there is no minimum',
  },
  {
    name: 'i7-unconfirmed-promotes',
    breaks: 'a tenant that cannot report its build counts as one that runs it',
    file: 'activities/tenants.ts',
    find: '({ build }) => isBuild(build, sha)',
    replace:
      '({ build }, index) => isBuild(build, sha) || !tellsBuild(plan.tenants[index] as PlannedTenant, plan.buildProbe)',
    test: 'test/workflows/release/own-suite.test.ts > are not waited for, and an unconfirmed build is not promoted',
  },
];
