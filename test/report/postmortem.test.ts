import { describe, expect, test } from 'vitest';
import type { Digest } from '../../src/contract/image.js';
import type { LedgerEntry } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import type { SeenTenant, WatchReport } from '../../src/contract/production.js';
import { parseSha } from '../../src/contract/sha.js';
import type { RolledBackBuild } from '../../src/lane/rolled-back-build.js';
import type { Incident } from '../../src/report/incident.js';
import { renderPostmortem } from '../../src/report/postmortem.js';
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
const ledger: RolledBackBuild = { sha: BAD, undone: entry, bad: [], marked: true };
const tenant = (name: string, more: Partial<SeenTenant> = {}): SeenTenant => ({
  tenant: name,
  build: BAD,
  why: '',
  tookAt: at(10),
  live: 'pass',
  ...more,
});
const watch = (tenants: SeenTenant[], more: Partial<WatchReport> = {}): WatchReport => ({
  sha: BAD,
  outcome: 'followed',
  why: '2 of 2 on it',
  propose: null,
  tenants,
  started: at(0),
  until: at(70),
  ...more,
});
/** It began at 5:00, an hour after the build that broke went live. */
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
const DIRECT = '`:latest` had left it before this rollback began: `--direct`, or by hand';

describe('a post-mortem says how far the rollback came', () => {
  test('one that moved it', () => {
    const text = post(rollbackRecord({ images: images('promoted') }));
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was rolled back to `9e82b1d/);
    expect(text).not.toContain(DIRECT);
    expect(text).toMatch(/^`:latest` stood on it for 1h 8m\.$/m);
    expect(text).toContain(`| \`${moved[0]?.previous}\` | \`${moved[0]?.digest}\` |`);
  });

  test('one that found it done: where it stood comes from the ledger, and how long is a bound', () => {
    const already = images('already').map((image) => ({ ...image, previous: image.digest }));
    const text = post(rollbackRecord({ outcome: 'already', images: already }));
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was rolled back to `9e82b1d/);
    expect(text).toContain(DIRECT);
    expect(text).toMatch(/^`:latest` stood on it for at most 1h 8m\.$/m);
    expect(text).toContain(`| \`sha256:${'f'.repeat(64)}\` | \`${moved[0]?.digest}\` |`);
  });

  test('one that failed with everything as it was', () => {
    const text = post(
      rollbackRecord({ outcome: 'MoveFailed', why: 'the registry is down', images: images('restored') }),
    );
    expect(text).toMatch(/^# Post-mortem: `bad0bad` was to be rolled back \(MoveFailed\) to `9e82b1d/);
    expect(text).toContain('- **the rollback did not get through**: MoveFailed: the registry is down');
    expect(text).toContain('| rollback ended: MoveFailed |');
    expect(text).not.toContain(DIRECT);
    expect(text).not.toContain('stood on it');
  });

  test('one that still runs has no end, and a tenant on the bad build no figure', () => {
    const text = post(running, { brokenWatch: watch([tenant('acme')]) });
    expect(text).toMatch(/^# Post-mortem: `bad0bad` is being rolled back to `9e82b1d/);
    expect(text).toContain('- the rollback still runs: :latest of all images back to 9e82b1d');
    expect(text).not.toContain(DIRECT);
    expect(text).not.toContain('rollback ended');
    expect(text).toContain('| acme | 2026-11-25 04:10:00 | **not seen** | it goes on |');
  });

  test('one from a build whose mover never told', () => {
    const text = post(rollbackRecord({}), {
      ledger: { ...ledger, undone: null },
      broken: record({ outcome: 'MoveFailed' }),
    });
    expect(text).toContain('- its own move was under way, and how far that came was never told');
    expect(text).not.toContain('promoted');
    expect(text).not.toContain('stood on it');
  });
});

describe('a post-mortem says of production', () => {
  const done = rollbackRecord({});

  test('which tenants were red, also when the rollback ended the watch, and no time of it that nobody kept', () => {
    const took = watch([tenant('acme', { red: 'liveness: status 500' }), tenant('globex')], { outcome: 'superseded' });
    const text = post(done, { brokenWatch: took });
    expect(text).toContain('**Red on it**: acme (liveness: status 500)\n');
    expect(post(done, { brokenWatch: { ...took, outcome: 'red' } })).not.toContain('production was found red');
    expect(post(done, { brokenWatch: watch([tenant('globex')]) })).not.toContain('Red on it');
  });

  test('that nobody watched, or that the watch has no word', () => {
    const unknown = '**How many tenants ran it is not known**: ';
    expect(post(done)).toContain(`${unknown}nobody watched production`);
    expect(post(done, { brokenWatch: 'silent' })).toContain(`${unknown}the watch over production failed, or`);
    const took = watch([tenant('acme')]);
    expect(post(done, { brokenWatch: took })).toContain('1 whose way back nobody watched. ');
    expect(post(done, { brokenWatch: took, targetWatch: 'silent' })).toContain(
      '1 whose way back is not known: the watch',
    );
  });
});
