import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { parseDigest, parseRepository } from '../../src/contract/image.js';
import type { ReleaseStatus } from '../../src/contract/release.js';
import type { CheckResult } from '../../src/contract/tenants/check.js';
import { runDetails } from '../../src/domain/run-details.js';

const at = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const LANE = parseLane('');
const check = (name: string, verdict: CheckResult['verdict'], status = 200): CheckResult => ({
  check: name,
  proves: '',
  verdict,
  status,
  latencyMs: 1,
  expected: verdict === 'pass' ? '' : 'status 200',
  got: verdict === 'pass' ? '' : 'the `answer`',
});
const held: ReleaseStatus = {
  sha: '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31',
  phase: 'held',
  phases: [],
  since: '2026-11-25T06:10:08.123Z',
  why: 'could-not-test: canary-2: x. approve: …',
  until: '2026-11-28T06:10:08.123Z',
  images: [{ repository: parseRepository('ghcr.io/molecule-ai/platform'), digest: at('1'), latest: at('2') }],
  builds: [
    { tenant: 'canary-1', build: '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31' },
    { tenant: 'canary-2', build: '4c1d56e' },
  ],
  tenants: [
    { tenant: 'canary-1', checks: [check('memory commit accepted', 'pass')] },
    { tenant: 'canary-2', checks: [check('memory commit accepted', 'could-not-test', 503)] },
  ],
  hold: {
    id: 'h1-abc123',
    name: 'could-not-test',
    why: 'canary-2: memory commit accepted',
    since: '2026-11-25T06:10:08.123Z',
    until: '2026-11-28T06:10:08.123Z',
  },
  decided: null,
  moving: false,
  decisions: [],
  refusals: [],
};

test('says phase, since when, why, until when, and what each verb would do with the JSON to paste', () => {
  expect(
    runDetails(held, LANE),
  ).toBe(`**held** for **could-not-test** since 2026-11-25 06:10:08 UTC, expires at 2026-11-28 06:10:08 UTC, without promoting

canary-2: memory commit accepted

**Waits for a decision, hold \`h1-abc123\`**

- **approve**: go on without that evidence: \`canary approve 4c1d56e --hold h1-abc123 --reason "why"\`
- **retry**: test those tenants again: \`canary retry 4c1d56e --hold h1-abc123 --reason "why"\`
- **abort**: the release ends: \`canary abort 4c1d56e --hold h1-abc123 --reason "why"\`

Run a command, or use More Actions, Send an Update, with the decision as its name and this JSON:

\`\`\`json
{"by":"your name","reason":"why","hold":"h1-abc123"}
\`\`\`

**Images**

- \`ghcr.io/molecule-ai/platform\`: this build is \`${at('1')}\`, \`:latest\` is \`${at('2')}\`

**Tenants**

- canary-2: runs \`4c1d56e\`; 0 of 1 checks passed, **could-not-test** memory commit accepted (503): expected \`status 200\`, got \`\` the \`answer\` \`\`
- canary-1: runs \`4c1d56e\`; 1 of 1 checks passed`);
});

test('has the command of each decision that applies to the hold, for this gate, and no other', () => {
  const hold = { ...held.hold, name: 'canary-not-updated' } as ReleaseStatus['hold'];
  const page = runDetails({ ...held, hold }, parseLane('eu.payments'));
  expect(page.match(/(?<=`)[^`\n]*canary (?:approve|retry|abort)[^`]*/g)).toEqual([
    'CANARY_LANE=eu.payments canary retry 4c1d56e --hold h1-abc123 --reason "why"',
    'CANARY_LANE=eu.payments canary abort 4c1d56e --hold h1-abc123 --reason "why"',
  ]);
  expect(page).toContain('- approve does not apply');
});

test('says why the build soaks again although no tenant was interrupted, and that an approval before that does not count', () => {
  const lostProof = { at: '2026-11-25T06:12:08.123Z', why: 'no worker watched when its proof was needed' };
  expect(runDetails({ ...held, lostProof }, LANE)).toContain(
    'soaked again from 2026-11-25 06:12:08 UTC on: no worker watched when its proof was needed; an approval before that does not count',
  );
});

describe('names and reasons of other people', () => {
  const evil = '**x** [a](https://b) <img src=x> `y`\n# z @everyone';
  const shown = runDetails(
    {
      ...held,
      hold: null,
      why: evil,
      builds: [{ tenant: evil, build: null, why: evil }],
      tenants: [{ tenant: evil, checks: [check(evil, 'fail')] }],
      decisions: [{ verb: 'retry', by: evil, reason: evil, at: held.since }],
      refusals: [evil],
    },
    LANE,
  );

  test('stay words: no markup, link, HTML or new line comes of them', () => {
    expect(
      shown.match(/\\\*\\\*x\\\*\\\* \\\[a\\\]\(https:\/\/b\) \\<img src=x\\> \\`y\\` \\# z @&#8203;everyone/g),
    ).toHaveLength(7);
    expect(shown).not.toMatch(/(?<!\\)[<[]/);
    expect(shown.split('\n').filter((line) => line.startsWith('#'))).toEqual([]);
  });

  test('an answer of a tenant is shown as code, and cut', () => {
    const long = { ...check('events', 'fail'), got: '[x](https://b) '.repeat(100) };
    const [line = ''] =
      runDetails({ ...held, tenants: [{ tenant: 'canary-1', checks: [long] }] }, LANE).match(/- canary-1.*/) ?? [];
    expect(line).toMatch(/, got `\[x\]\(https:\/\/b\) .*…`$/);
    expect(line.length).toBeLessThan(250);
  });
});

test('of a thousand tenants those in trouble are shown and the rest is counted, in an address that a proxy takes', () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `canary-${index + 1}`);
  const details = runDetails(
    {
      ...held,
      hold: held.hold && { ...held.hold, why: names.join(', ') },
      builds: names.map((tenant) => ({ tenant, build: '4c1d56e' })),
      tenants: names.map((tenant, index) => ({ tenant, checks: [check('events', index === 998 ? 'fail' : 'pass')] })),
      decisions: Array.from({ length: 50 }, () => ({
        verb: 'retry',
        by: 'ada',
        reason: 'again '.repeat(300),
        at: held.since,
      })),
      refusals: Array.from({ length: 10 }, () => 'no '.repeat(300)),
    },
    LANE,
  );
  expect(details).toContain('- canary-999: runs');
  expect(details).toMatch(/- and \d{3} more\n/);
  expect(encodeURIComponent(details).length).toBeLessThan(8_000);
});
