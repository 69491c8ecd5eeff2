export default [
  {
    name: 'doctor-too-few-unseen',
    breaks: 'doctor is green although each release would be held for too few tenants',
    file: 'src/doctor/tenants.ts',
    find: 'if (left >= minTenants) return aside;',
    replace: 'if (left >= 0) return aside;',
    test: 'test/doctor/tenants.test.ts > stops where quarantines leave fewer than CANARY_MIN_TENANTS, with the command that takes one back',
  },
  {
    name: 'doctor-quarantine-stops',
    breaks: 'doctor fails every hour for a tenant that a person has set aside',
    file: 'src/doctor/tenants.ts',
    find: 'isAside(one.name, quarantines) ? found.map(asWarning) : found',
    replace: 'found',
    test: 'test/doctor/tenants.test.ts > warns of what is wrong with one in quarantine, which stops no release',
  },
  {
    name: 'doctor-quarantine-reports',
    breaks: 'a tenant in quarantine hides that no other reports a build',
    file: 'src/doctor/tenants.ts',
    find: 'const members = probed.filter(({ tenant }) => !isAside(tenant, quarantines));',
    replace: 'const members = probed;',
    test: 'test/doctor/tenants.test.ts > says that no member reports a build, although one in quarantine does',
  },
  {
    name: 'doctor-quarantine-unread',
    breaks: 'doctor does not ask the lane who is set aside',
    file: 'src/cli/commands/operate/doctor.ts',
    find: 'checkTenants(gate, read, io.signal)',
    replace: 'checkTenants(gate, async () => null, io.signal)',
    test: 'test/cli/doctor.test.ts > a tenant in quarantine is no reason to stop, unless that leaves too few',
  },
];
