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
  {
    name: 'smoke-edge-makes-red',
    breaks: 'a CDN that reaches no tenant makes a build RED',
    file: 'src/smoke/answer/edge.ts',
    find: '|| (status >= 520 && status <= 527)',
    replace: '',
    test: 'test/smoke/odd-answers.test.ts > 521: the check is could-not-test',
  },
  {
    name: 'smoke-edge-passes',
    breaks: 'an answer that is marked as one of a login before the tenant passes for the tenant',
    file: 'src/smoke/evaluate.ts',
    find: ' || isMarkedAsEdge(response.headers)',
    replace: '',
    test: 'test/smoke/odd-answers.test.ts > a login page that is marked: says nothing about the build, with a token and without, in a check and in the build probe',
  },
  {
    name: 'smoke-login-makes-red',
    breaks: "a login on the tenant's own origin makes a build RED",
    file: 'src/smoke/answer/edge.ts',
    find: '(redirect.isAway || LOGINS.test(new URL(redirect.to).pathname))',
    replace: 'redirect.isAway',
    test: 'test/smoke/odd-answers.test.ts > a redirect to a login of its own origin: says nothing about the build, with a token and without, in a check and in the build probe',
  },
  {
    name: 'smoke-own-redirect-is-excused',
    breaks: 'a broken build that sends everyone on is never RED',
    file: 'src/smoke/evaluate.ts',
    find: "(request.as === 'admin' && response.redirect !== null)",
    replace: 'response.redirect !== null',
    test: 'test/smoke/odd-answers.test.ts > a redirect inside is no answer to the token, and a fail without one',
  },
  {
    name: 'smoke-build-probe-has-its-own-rule',
    breaks: 'a login before a tenant counts as a tenant that left the build',
    file: 'src/tenants/ask-build.ts',
    find: 'isOfEdge({ ...answer, redirect }) || status >= 500',
    replace: 'status === 429 || status >= 500',
    test: 'test/smoke/odd-answers.test.ts > a challenge of a CDN: says nothing about the build, with a token and without, in a check and in the build probe',
  },
];
