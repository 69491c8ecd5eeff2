export default [
  {
    name: 'smoke-abort-leaves-others',
    breaks: 'an aborted run does not wait for the clean-up of the other tenants',
    edits: [
      { file: 'src/smoke/smoke-tenant.ts', find: 'Promise.allSettled', replace: 'failFast' },
      {
        file: 'src/smoke/smoke-tenant.ts',
        find: '\n/** A check on',
        replace: `
const failFast = async (runs: Promise<TenantSmoke>[]): Promise<PromiseSettledResult<TenantSmoke>[]> =>
  (await Promise.all(runs)).map((value) => ({ status: 'fulfilled', value }));

/** A check on`,
      },
    ],
    test: 'test/smoke/suites.test.ts > clean-up runs on every tenant after an abort',
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
    breaks: 'clean-up does not run after a failed check',
    file: 'src/smoke/smoke-tenant.ts',
    find: '    const leftBehind',
    replace: "    if (run.result?.verdict !== 'pass') continue;\n    const leftBehind",
    test: 'test/smoke/suites.test.ts > clean-up runs after a failed check',
  },
  {
    name: 'smoke-no-limit',
    breaks: 'the suite has no limit',
    file: 'src/smoke/smoke-tenant.ts',
    find: 'waits.suiteMs,',
    replace: 'waits.suiteMs * 100,',
    test: 'test/smoke/suites.test.ts > the checks after the limit of the suite are could-not-test, with that reason',
  },
  {
    name: 'smoke-one-after-the-other',
    breaks: 'tenants are smoked one after the other, and a hung one delays the rest',
    file: 'src/smoke/smoke-tenant.ts',
    find: `outcomes = await Promise.allSettled(
    fleet.map(async ({ access, ...tenant }, index) => {
      const result = await smokeTenant(tenant, access, options);
      onResult(result, index);
      return result;
    }),
  );
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  })`,
    replace: `results: TenantSmoke[] = [];
  for (const [index, { access, ...tenant }] of fleet.entries()) {
    const result = await smokeTenant(tenant, access, options);
    onResult(result, index);
    results.push(result);
  }
  return results`,
    test: 'test/smoke/fleet.test.ts > a hung tenant delays no other tenant, and ends at its own limit',
  },
  {
    name: 'smoke-retries-forever',
    breaks: 'a tenant that does not answer is retried forever',
    file: 'src/smoke/session.ts',
    find: '  session.retryBudgetMs -= pause;\n',
    replace: '',
    test: 'test/smoke/odd-answers.test.ts > retries end with the retry budget, and their pauses grow',
  },
  {
    name: 'smoke-retry-after-ignored',
    breaks: 'Retry-After is ignored',
    file: 'src/smoke/session.ts',
    find: 'Math.max(minPauseMs,',
    replace: 'Math.max(0,',
    test: 'test/smoke/odd-answers.test.ts > a retry waits until Retry-After has passed',
  },
];
