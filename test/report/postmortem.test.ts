import { describe, expect, test } from 'vitest';
import type { Digest } from '../../src/contract/image.js';
import type { LedgerEntry } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import type { SeenTenant, WatchReport } from '../../src/contract/tenants/production.js';
import type { Incident } from '../../src/report/incident.js';
import { renderPostmortem } from '../../src/report/postmortem.js';
import type { RolledBackBuild } from '../../src/report/rolled-back-build.js';
import type { RunRecord } from '../../src/report/summary.js';
import { moved, pinned, record, rollbackRecord } from '../support/records.js';

const BAD = parseSha('bad0bad');
const at = (minute: number) => new Date(Date.parse('2026-11-25T04:00:00Z') + minute * 60_000).toISOString();
const images = (result: MovedImage['result']): MovedImage[] =>
  moved.map((image) => ({ ...image, result, ...(result === 'restored' && { latest: image.previous }) }));
const entry: LedgerEntry = {
  sha: BAD,
  at: at(0),
  kind: 'promotion',
  by: 'ada',
  reason: 'green',
  images: moved.map(({ repository }) => ({ repository, digest: `sha256:${'f'.repeat(64)}` as Digest })),
};
const ledger: RolledBackBuild = { sha: BAD, rolledBackMove: entry, bad: [], marked: true, rejected: null };
const tenant = (name: string, more: Partial<SeenTenant> = {}): SeenTenant => ({
  tenant: name,
  build: BAD,
  why: '',
  tookAt: at(10),
  live: 'pass',
  answered: { build: true, live: true },
  silence: { inRow: 0, polls: 0, interruptions: 0, ms: 0 },
  ...more,
});
const watch = (tenants: SeenTenant[], more: Partial<WatchReport> = {}): WatchReport => ({
  sha: BAD,
  outcome: 'followed',
  why: '2 of 2 on it',
  propose: null,
  bake: null,
  bakingSince: null,
  tenants,
  started: at(0),
  until: at(70),
  ...more,
});
/** Renders the post-mortem of a rollback that started at 5:00, an hour after the build that broke went live. */
const post = (rollback: RunRecord, more: Partial<Incident> = {}) =>
  renderPostmortem({ rollback, broken: null, ledger, brokenWatch: null, targetWatch: null, ...more });
const running: RunRecord = {
  ...rollbackRecord({}),
  outcome: 'running',
  ended: null,
  report: null,
  why: ':latest of all images back to 9e82b1d',
  status: { images: pinned, decisions: [], tenants: [], phases: [] } as never,
};
const DIRECT = '`:latest` had left it before this rollback started: `--direct`, or by hand';

describe('a post-mortem of a rollback', () => {
  test('that moved :latest names both builds and the duration', () => {
    const text = post(rollbackRecord({ images: images('promoted') }));
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was rolled back to `9e82b1d/);
    expect(text).not.toContain(DIRECT);
    expect(text).toMatch(/^`:latest` pointed to it for 1h 8m\.$/m);
    expect(text).toContain(`| \`${moved[0]?.previous}\` | \`${moved[0]?.digest}\` |`);
  });

  test('that found :latest on its target takes the digests from the ledger, and the duration is an upper bound', () => {
    const already = images('already').map((image) => ({ ...image, previous: image.digest }));
    const text = post(rollbackRecord({ outcome: 'already', images: already }));
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was rolled back to `9e82b1d/);
    expect(text).toContain(DIRECT);
    expect(text).toMatch(/^`:latest` pointed to it for at most 1h 8m\.$/m);
    expect(text).toContain(`| \`sha256:${'f'.repeat(64)}\` | \`${moved[0]?.digest}\` |`);
  });

  test('that failed and restored every image states the failure', () => {
    const text = post(
      rollbackRecord({ outcome: 'MoveFailed', why: 'the registry is down', images: images('restored') }),
    );
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was to be rolled back \(MoveFailed\) to `9e82b1d/);
    expect(text).toContain('- **the rollback did not complete**: MoveFailed: the registry is down');
    expect(text).toContain('| rollback ended: MoveFailed |');
    expect(text).not.toContain(DIRECT);
    expect(text).not.toContain('pointed to it');
  });

  test('that still runs has no end, and no duration for a tenant on the bad build', () => {
    const text = post(running, { brokenWatch: watch([tenant('acme')]) });
    expect(text).toMatch(/^# Post-mortem: `bad0bad` is being rolled back to `9e82b1d/);
    expect(text).toContain('- the rollback still runs: :latest of all images back to 9e82b1d');
    expect(text).not.toContain(DIRECT);
    expect(text).not.toContain('rollback ended');
    expect(text).toContain('| acme | 2026-11-25 04:10:00 | **not seen** | still on it |');
  });

  test('from a build whose mover never reported names no promotion', () => {
    const text = post(rollbackRecord({}), {
      ledger: { ...ledger, rolledBackMove: null },
      broken: record({ outcome: 'MoveFailed' }),
    });
    expect(text).toContain('- its own move was under way, and its result was never reported');
    expect(text).not.toContain('promoted');
    expect(text).not.toContain('pointed to it');
  });
});

describe('a post-mortem of a build that canary rejected', () => {
  const rejected = {
    sha: BAD,
    verdict: 'RED' as const,
    failed: ['canary-2: memory search finds the probe'],
    runId: '0199-red',
    at: '2026-11-25T03:00:00.000Z',
  };
  const LINES = '**REJECTED BY CANARY** on 2026-11-25 03:00:00 UTC, run `0199-red`:\n\n- canary-2: memory search';

  test('says so by the ledger, also if no run is kept', () => {
    const text = post(rollbackRecord({}), { ledger: { ...ledger, rejected } });
    expect(text).toContain(LINES);
    expect(text).not.toContain('No run that promoted these digests is kept');
  });

  test('says so by the run that a person forced, and never that it was not tested', () => {
    const broken = record({ promoteOnly: true, reason: 'hotfix', tenants: [], rejected });
    const text = post(rollbackRecord({}), { broken });
    expect(text).toContain(LINES);
    expect(text).toContain('| promoted: REJECTED BY CANARY |');
    expect(text).not.toMatch(/not tested/i);
  });
});

describe('the production section of a post-mortem', () => {
  const done = rollbackRecord({});

  test('lists the red tenants, also if the rollback ended the watch', () => {
    const took = watch([tenant('acme', { red: 'liveness: status 500' }), tenant('globex')], { outcome: 'superseded' });
    const text = post(done, { brokenWatch: took });
    expect(text).toContain('**Red on it**: acme (liveness: status 500)\n');
    expect(post(done, { brokenWatch: { ...took, outcome: 'red' } })).not.toContain('production was found red');
    expect(post(done, { brokenWatch: watch([tenant('globex')]) })).not.toContain('Red on it');
  });

  test('states that production was not watched, or that the watch failed', () => {
    const unknown = '**How many tenants ran it is not known**: ';
    expect(post(done)).toContain(`${unknown}production was not watched`);
    expect(post(done, { brokenWatch: 'silent' })).toContain(`${unknown}the production watch failed, or`);
    const took = watch([tenant('acme')]);
    expect(post(done, { brokenWatch: took })).toContain('1 whose return was not watched. ');
    expect(post(done, { brokenWatch: took, targetWatch: 'silent' })).toContain(
      '1 whose return is not known: the production watch',
    );
  });
});
