export default [
  {
    name: 'smoke-abort-leaves-others',
    breaks: 'an aborted run does not wait for the clean-up of the other tenants',
    edits: [
      { file: 'src/smoke/smoke-tenant.ts', find: 'Promise.allSettled', replace: 'inHaste' },
      {
        file: 'src/smoke/smoke-tenant.ts',
        find: '\n/** A check of',
        replace: `
const inHaste = async (runs: Promise<TenantSmoke>[]): Promise<PromiseSettledResult<TenantSmoke>[]> =>
  (await Promise.all(runs)).map((value) => ({ status: 'fulfilled', value }));

/** A check of`,
      },
    ],
    test: 'test/smoke/suites.test.ts > cleans up behind a run that was aborted, on every tenant',
  },
  {
    name: 'smoke-all-at-once',
    breaks: 'all smokes of a fleet are started at once',
    file: 'workflows/release/smoking.ts',
    find: 'GROUP = 200',
    replace: 'GROUP = 2_000',
    test: 'test/workflows/scale.test.ts > at most one group of smokes runs at a time, and a whole group does',
  },
  {
    name: 'smoke-no-clean-up-after-failure',
    breaks: 'a check that failed is not cleaned up behind',
    file: 'src/smoke/smoke-tenant.ts',
    find: '    const leftBehind',
    replace: "    if (one.result?.verdict !== 'pass') continue;\n    const leftBehind",
    test: 'test/smoke/suites.test.ts > cleans up behind a check that failed',
  },
  {
    name: 'smoke-no-limit',
    breaks: 'the suite has no limit',
    file: 'src/smoke/smoke-tenant.ts',
    find: 'waits.suiteMs,',
    replace: 'waits.suiteMs * 100,',
    test: 'test/smoke/suites.test.ts > what is not asked when the time of the suite is over is told so',
  },
  {
    name: 'smoke-one-after-the-other',
    breaks: 'tenants are smoked one after the other, and a hung one delays the rest',
    file: 'src/smoke/smoke-tenant.ts',
    find: `ends = await Promise.allSettled(
    fleet.map(async ({ access, ...tenant }, index) => {
      const result = await smokeTenant(tenant, access, options);
      tell(result, index);
      return result;
    }),
  );
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  })`,
    replace: `results: TenantSmoke[] = [];
  for (const [index, { access, ...tenant }] of fleet.entries()) {
    const result = await smokeTenant(tenant, access, options);
    tell(result, index);
    results.push(result);
  }
  return results`,
    test: 'test/smoke/fleet.test.ts > is not delayed by a tenant that hangs, which costs no more than its own limit',
  },
  {
    name: 'smoke-retries-for-ever',
    breaks: 'a tenant that does not answer is asked forever',
    file: 'src/smoke/session.ts',
    find: '  session.retryBudgetMs -= pause;\n',
    replace: '',
    test: 'test/smoke/odd-answers.test.ts > and no longer than the patience, with longer and longer pauses',
  },
  {
    name: 'smoke-retry-after-ignored',
    breaks: 'Retry-After is not kept',
    file: 'src/smoke/session.ts',
    find: 'Math.max(afterMs,',
    replace: 'Math.max(0,',
    test: 'test/smoke/odd-answers.test.ts > and not before Retry-After has passed',
  },
];
