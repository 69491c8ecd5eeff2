export default [
  {
    name: 'i3-live-by-hearsay',
    breaks: 'a build counts as live by the ledger alone, without a read of the registry',
    file: 'workflows/release/resolving.ts',
    find: 'release.pinned.every(({ digest, latest }) => digest === latest)',
    replace: 'release.pinned.length > 0',
    test: 'test/workflows/release/again.test.ts > one whose tag was pushed again since is tested like any other',
  },
  {
    name: 'i3-soak-not-restarted',
    breaks: 'a tenant that leaves the build during the soak does not restart the soak',
    file: 'activities/tenants.ts',
    find: 'return { builds };',
    replace: '{ /* not noticed */ }',
    test: 'test/workflows/release/soak.test.ts > starts over when a tenant leaves the build, and holds when that happens too often',
  },
  {
    name: 'i3-tag-not-read-again',
    breaks: 'the tag is not read again after the smoke',
    file: 'workflows/release/smoking.ts',
    find: 'digestOf(tags, repository) !== digest',
    replace: 'digestOf(tags, repository) === null',
    test: 'test/workflows/release/canary-release.test.ts > a build that is pushed again while it soaks is not promoted',
  },
];
