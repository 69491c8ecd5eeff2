import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sha } from '../../src/contract/sha.js';
import type { BuildVerdict } from '../../src/contract/tenants/check.js';
import { prose } from '../../src/domain/markdown.js';
import { annotations } from '../../src/report/annotations.js';
import { MAX_MARKDOWN_BYTES, renderReport } from '../../src/report/render.js';
import type { RunRecord } from '../../src/report/summary.js';
import { failed, moved, passed, pinned, record, rollbackRecord as rollback, unreported } from '../support/records.js';

const LINKS = { ui: 'http://127.0.0.1:8233/', runbook: 'https://wiki.example.org/canary' };
const stopped = { images: pinned, notTested: [] };
const hold = {
  phase: 'held',
  hold: 'could-not-test',
  since: '2026-11-25T05:08:00.000Z',
  until: '2026-11-25T05:08:30.000Z',
  ms: 30_000,
  visits: 1,
} as const;
const rejected: BuildVerdict = {
  sha: record().sha as Sha,
  verdict: 'RED',
  failed: ['canary-2: memory search finds the probe', 'canary-2: *events*'],
  runId: '01999999-0000-7000-8000-000000000000',
  at: '2026-11-24T05:08:30.000Z',
};
const ENDS: [end: string, heading: string, record: RunRecord][] = [
  ['promoted', '## Canary verified — :latest promoted', record()],
  [
    'promoted on authority',
    '## :latest promoted to staging-9e82b1d',
    record({
      promoteOnly: true,
      reason: 'hotfix',
      tenants: [],
      notTested: [{ kind: 'not-tested', text: 'NOT TESTED BY CANARY' }],
    }),
  ],
  [
    'promoted on authority after a rejection',
    '## :latest promoted to staging-9e82b1d',
    record({ promoteOnly: true, force: true, reason: 'hotfix', tenants: [], rejected }),
  ],
  [
    'approved after a rejection',
    '## ⚠️ :latest promoted to staging-9e82b1d — not all was verified',
    record({
      rejected,
      notTested: [{ kind: 'could-not-test', text: 'could not test canary-2: memory search finds the probe' }],
    }),
  ],
  [
    'refused after a rejection',
    '## Canary refused — the build was REJECTED BY CANARY',
    record({ ...stopped, outcome: 'CanaryBuildBad', images: [], tenants: [], rejected }),
  ],
  [
    'promoted unconfirmed',
    '## ⚠️ :latest promoted to staging-9e82b1d — not all was verified',
    record({
      notTested: [{ kind: 'unconfirmed', text: 'unconfirmed: canary-1 reports no build (/health: ENOTFOUND)' }],
      decisions: [
        { verb: 'approve', by: 'ada', reason: 'looked', at: '2026-11-25T05:02:00.000Z', holdName: 'approval' },
      ],
    }),
  ],
  [
    'RED',
    '## Canary smoke FAILED',
    record({
      ...stopped,
      outcome: 'CanaryRejected',
      why: 'RED: canary-2: memory search finds the probe',
      tenants: [
        { tenant: 'canary-1', checks: [passed('liveness'), passed('memory search finds the probe')] },
        { tenant: 'canary-2', checks: [passed('liveness'), failed('memory search finds the probe')] },
      ],
    }),
  ],
  ['skipped', '## ⚠️ canary-verify skipped', record({ outcome: 'skipped', images: [], tenants: [] })],
  [
    'superseded',
    '## Canary superseded — a newer build is released instead',
    record({ ...stopped, outcome: 'superseded', why: 'superseded by 5d2e67f' }),
  ],
  [
    'hold expired',
    '## Canary hold EXPIRED — nothing promoted',
    record({ ...stopped, outcome: 'CanaryHoldExpired', why: 'could-not-test: no person decided', phases: [hold] }),
  ],
  [
    'aborted',
    '## Canary release ABORTED',
    record({
      ...stopped,
      outcome: 'CanaryAborted',
      decisions: [{ verb: 'abort', by: 'ada', reason: 'wrong build', at: '2026-11-25T05:02:00.000Z' }],
    }),
  ],
  [
    'failed',
    '## ⚠️ canary could not carry out the release — RegistryDenied',
    record({
      ...stopped,
      outcome: 'RegistryDenied',
      why: 'ghcr.io/molecule-ai/platform: 403, the token may not write',
    }),
  ],
  [
    'pair split',
    '## 🚨 PAIR SPLIT — :latest is on TWO BUILDS',
    record({
      outcome: 'PairSplit',
      why: 'ghcr.io/molecule-ai/platform-tenant:latest failed',
      images: moved.map((image, index) =>
        index === 0 ? image : { ...image, result: 'failed', latest: image.previous },
      ),
    }),
  ],
  ['rolled back', '## Rolled back — :latest is on staging-9e82b1d', rollback({})],
  ['already', '## Already rolled back — :latest was on staging-9e82b1d', rollback({ outcome: 'already' })],
  [
    'rollback failed',
    '## 🚨 canary could not carry out the rollback — MoveFailed',
    rollback({ outcome: 'MoveFailed' }),
  ],
  ['running', '## Canary running — soaking', unreported('running', {})],
  ['running without a worker', '## Canary running — soaking', unreported('running', null)],
  ['terminated', '## ⚠️ The release was TERMINATED', unreported('terminated', null)],
];

test('what changes in an image is in the report, below the table of images', () => {
  const change = { bytes: { before: 400_000_000, after: 412_300_000 }, gained: [], lost: ['linux/arm64'] };
  const [first, ...rest] = moved;
  const text = renderReport(record({ images: first ? [{ ...first, change }, ...rest] : [] }));
  expect(text).toContain(
    `- \`${first?.repository}\`: 412.3 MB to pull, before 400.0 MB (+3.1 %); no longer for linux/arm64`,
  );
  expect(text.match(/ to pull/g)).toHaveLength(1);
});

test('what was unusual about the fleet is in the report, and in none without it', () => {
  const fleetNotes = ['the fleet is a copy of 2026-11-25T05:00:00.000Z, because CANARY_FLEET_URL: status 503'];
  expect(renderReport(record({ fleetNotes }))).toContain(`### Fleet\n\n- ${prose(fleetNotes[0] ?? '')}\n`);
  expect(renderReport(record())).not.toContain('### Fleet');
});

describe('the report of a run', () => {
  test.each(ENDS)('%s: the verdict comes first, then all that is known', (_end, heading, run) => {
    // The time of a running run differs in each test run.
    const markdown = renderReport(run, LINKS).replaceAll(/\d+d \d+h so far|\d+h \d+m so far/g, '… so far');
    expect(markdown.split('\n')[0]).toBe(heading);
    expect(markdown).toMatchSnapshot();
  });

  const expired = { phase: 'held', since: hold.since, until: hold.until, ms: 1, visits: 1 } as const;
  test.each<[string, RunRecord]>([
    ['rollback that is denied', rollback({ outcome: 'RegistryDenied', images: pinned })],
    ['rollback that is refused', rollback({ outcome: 'MoveRefused', images: pinned })],
    ['rollback that is aborted', rollback({ outcome: 'CanaryAborted', images: pinned })],
    [
      'hold for a moved :latest that expires',
      record({ ...stopped, outcome: 'CanaryHoldExpired', phases: [{ ...expired, hold: 'latest-moved' }] }),
    ],
    ['release of a known-bad build', record({ ...stopped, outcome: 'CanaryBuildBad' })],
  ])('of a %s does not call production good', (_end, run) => {
    const markdown = renderReport(run, LINKS);
    expect(markdown).not.toMatch(/untouched|good digest/);
    expect(markdown).toContain('This run left :latest as it was; `canary status` shows what is live.');
  });

  const waiting = (status: Parameters<typeof unreported>[1], waitingFor: RunRecord['listed']['waitingFor']) => {
    const run = unreported('running', status);
    return { ...run, listed: { ...run.listed, waitingFor } };
  };
  const since = { why: '', since: hold.since, until: hold.until };
  test.each<[string, RunRecord, string[]]>([
    ['is paused', waiting({}, 'paused'), ['resume --reason "…"', 'abort SHA --reason "…"']],
    [
      'is held, with the id of its hold',
      waiting({ hold: { ...since, id: 'h1-abc123', name: 'canary-not-updated' } }, 'canary-not-updated'),
      ['retry SHA --hold h1-abc123 --reason "…"', 'abort SHA --reason "…"'],
    ],
    [
      'is held, without a worker that knows the id',
      waiting(null, 'approval'),
      ['approve SHA --reason "…"', 'abort SHA --reason "…"'],
    ],
  ])('of a release that %s offers the commands that apply, and no others', (_how, run, commands) => {
    const lines = renderReport(run, LINKS).split('\n');
    expect(lines.filter((line) => / --reason "…"$/.test(line))).toEqual(
      commands.map((command) => `canary ${command.replace('SHA', run.sha)}`),
    );
  });

  test('links to the run in the Temporal UI and to the runbook, and to nothing if they are not configured', () => {
    expect(renderReport(record(), LINKS)).toContain(
      '[Temporal UI](http://127.0.0.1:8233/namespaces/default/workflows/canary-release-9e82b1d/0199-run) · [Runbook](https://wiki.example.org/canary)',
    );
    expect(renderReport(record(), { ui: 'javascript:alert(1)' })).not.toContain('Temporal UI');
  });

  test('lists fifty failing checks, then a count', () => {
    const tenants = [{ tenant: 'canary-1', checks: Array.from({ length: 60 }, (_, n) => failed(`check ${n}`)) }];
    const lines = renderReport(record({ outcome: 'CanaryRejected', tenants })).split('\n');
    expect(lines.filter((line) => line.startsWith('- **canary-1**'))).toHaveLength(50);
    expect(lines).toContain('- and 10 more');
  });

  test('shows what a failing check expected and got on a terminal, and to no one else', () => {
    const tenants = [{ tenant: 'canary-1', checks: [failed('memory search finds the probe')] }];
    const run = record({ outcome: 'CanaryRejected', tenants });
    const lines = renderReport(run, LINKS, { answers: true }).split('\n');
    const check = lines.findIndex((line) => line.startsWith('- **canary-1**'));
    expect(lines.slice(check + 1, check + 3)).toEqual([
      '  - expected: `0.content: exactly that probe`',
      '  - got: `[{"content":"answer of the tenant"}]`',
    ]);
    for (const text of [renderReport(run, LINKS), ...annotations(run)]) {
      expect(text).not.toContain('answer of the tenant');
      expect(text).not.toContain('exactly that probe');
    }
  });

  test('stays under 1 MiB with any content, and keeps the verdict', () => {
    const decisions = Array.from({ length: 9_000 }, (_, n) => ({
      verb: 'approve' as const,
      by: `ada ${n}`,
      reason: '*'.repeat(300),
      at: '2026-11-25T05:02:00.000Z',
    }));
    const markdown = renderReport(record({ decisions }), LINKS);
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(MAX_MARKDOWN_BYTES);
    expect(MAX_MARKDOWN_BYTES).toBeLessThan(1024 * 1024);
    expect(markdown).toMatch(/^## Canary verified/);
    expect(markdown).toContain('*Cut: the report is too long');
    expect(markdown).toContain('[Temporal UI]');
  });
});

describe('a public report', () => {
  test.each([
    ['a pipe', 'a | b', 'a \\| b'],
    ['backticks', '`rm`', '\\`rm\\`'],
    ['HTML', '<script>alert(1)</script>', '\\<script\\>alert(1)\\</script\\>'],
    ['a command of Actions on a line of its own', 'x\n::error::y', 'x ::error::y'],
    ['a command of Actions in the old form', '##[error]x', '\\#\\#\\[error\\]x'],
    ['a mention', '@everybody', '@&#8203;everybody'],
    ['an emoji', 'fine 🎉', 'fine 🎉'],
    ['an encoded newline', 'x%0A::error::y', 'x%0A::error::y'],
  ])('shows %s in a name or a reason as text on its line', (_what, hostile, shown) => {
    const markdown = renderReport(
      record({
        outcome: 'CanaryRejected',
        tenants: [{ tenant: hostile, checks: [{ ...failed(hostile), proves: hostile }] }],
        decisions: [{ verb: 'retry', by: hostile, reason: hostile, at: '2026-11-25T05:02:00.000Z' }],
      }),
    );
    const lines = markdown.split('\n');
    expect(lines).toContain(
      `- **${shown}**: **${shown}** — status 200, schema path \`$[0].content\`. A pass shows: ${shown}`,
    );
    expect(lines).toContain(`- 2026-11-25 05:02:00 **${shown}** retried: ${shown}`);
    expect(lines.filter((line) => line.trimStart().startsWith('::'))).toEqual([]);
  });

  const label = fc.stringMatching(/^[a-z]{6,12}$/);
  const tenant = fc.record({
    host: fc.tuple(label, label, label).map((parts) => parts.join('.')),
    org: fc.uuid(),
    token: fc.stringMatching(/^[A-Za-z0-9]{24,40}$/),
  });
  test('names a tenant by its name only: no URL, host, org id, token or answer', () => {
    fc.assert(
      fc.property(tenant, fc.constantFrom(...ENDS.map(([, , run]) => run)), ({ host, org, token }, run) => {
        const answer = `{"org":"${org}","at":"https://${host}/x","t":"${token}"}`;
        const check = { ...failed('a check'), got: answer, expected: answer, leftBehind: answer };
        const report = run.report && {
          ...run.report,
          tenants: [{ tenant: 'canary-1', checks: [check, { ...check, verdict: 'could-not-test' as const }] }],
          fleetNotes: [`canary-2 is in quarantine until noon, by ada: https://${host}/a of ${org} is slow`],
          decisions: [
            {
              verb: 'approve' as const,
              by: `ada@${host}`,
              reason: `https://${host}/a?org=${org} and ${host} and ${host}:8443 of ${org}`,
              at: '2026-11-25T05:02:00.000Z',
            },
          ],
        };
        const held = {
          ...run,
          report,
          why: run.outcome === 'CanaryHoldExpired' ? `could-not-test: ${answer}` : run.why,
        };
        const markdown = renderReport(held as RunRecord, LINKS);
        for (const secret of [host, org, token]) expect(markdown).not.toContain(secret);
      }),
    );
  });
});
