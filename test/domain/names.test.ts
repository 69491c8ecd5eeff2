import { describe, expect, test } from 'vitest';
import {
  clockIdentity,
  deliverEventsId,
  laneOf,
  moveLatestId,
  parseClockIdentity,
  parseLane,
  releaseId,
  releaseLaneId,
  stopsReleases,
  taskQueue,
  watchProductionId,
} from '../../src/contract/ids.js';
import { parseDigest, parseRepository, splitRepository, stagingTag } from '../../src/contract/image.js';
import { parseSha, sameBuild } from '../../src/contract/sha.js';
import { formatDuration, parseDuration } from '../../src/domain/duration.js';

const FULL = '4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90';

describe('shas', () => {
  test.each(['4c1d56e', FULL])('%s is one', (text) => expect(parseSha(text)).toBe(text));
  test.each(['', '4c1d56', '4C1D56E', `${FULL}0`, 'latest', 'staging-4c1d56e', null, 4, {}])('%j is none', (text) => {
    expect(() => parseSha(text)).toThrow(/^invalid sha .*: expected 7 to 40 lower-case hex digits, e\.g\. 4c1d56e$/);
  });
  test.each([
    ['4c1d56e', FULL, true],
    [FULL, FULL, true],
    ['4c1d56e', '4c1d56f', false],
    ['4c1d56', FULL, false],
    ['dev', 'dev', false],
    ['', FULL, false],
  ])('%s and %s name one build: %s', (a, b, same) => expect(sameBuild(a, b)).toBe(same));
  test('a tag and an id carry the first seven digits', () => {
    expect(stagingTag(parseSha(FULL))).toBe('staging-4c1d56e');
    expect(releaseId(parseLane('eu'), parseSha(FULL))).toBe('eu-canary-release-4c1d56e');
  });
});

describe('repositories', () => {
  test.each([
    ['ghcr.io/molecule-ai/platform', 'ghcr.io', 'molecule-ai/platform'],
    ['127.0.0.1:5000/a/b__c', '127.0.0.1:5000', 'a/b__c'],
    ['localhost/x', 'localhost', 'x'],
    ['[::1]:5000/x', '[::1]:5000', 'x'],
  ])('%s is one', (text, host, name) => expect(splitRepository(parseRepository(text))).toEqual({ host, name }));
  test.each([
    ['ghcr.io/Molecule-AI/platform', 'has upper-case letters'],
    ['https://ghcr.io/x', 'has a scheme'],
    ['ghcr.io/x:latest', 'has a tag'],
    [`ghcr.io/x@sha256:${'0'.repeat(64)}`, 'has a digest'],
    ['platform', 'names no registry host'],
    ['molecule-ai/platform', 'names no registry host'],
    ['ghcr.io/', 'has a path that registries refuse'],
    ['ghcr.io/a//b', 'has a path that registries refuse'],
    ['ghcr.io/a..b', 'has a path that registries refuse'],
    ['ghcr.io:99999/x', 'has an invalid host'],
    ['', 'is not a repository name'],
  ])('%j %s', (text, why) => expect(() => parseRepository(text)).toThrow(why));
});

test.each(['sha512:00', 'sha256:00', `sha256:${'A'.repeat(64)}`, '', null])('%j is no digest', (text) => {
  expect(() => parseDigest(text)).toThrow(': expected sha256: and 64 lower-case hex digits');
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['500ms', 500],
    ['60s', 60_000],
    ['6m', 360_000],
    ['72h', 259_200_000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms));
  test.each(['6', '6 m', '-1s', '1d', '1.5m', '999999h', '', null, 6])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(/^invalid duration/);
  });
  test.each([0, 1_500, 90_000, 360_000, 259_200_000])('%i ms is written so that it reads back', (ms) => {
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  });
});

describe('lanes', () => {
  test('a lane prefixes every id and queue, and is parsed from them', () => {
    const eu = parseLane('eu-west');
    expect(taskQueue(eu)).toBe('eu-west-canary-release');
    expect(laneOf(moveLatestId(eu))).toBe('eu-west');
    expect(laneOf(releaseId(eu, parseSha(FULL)))).toBe('eu-west');
    expect(laneOf('canary-release-4c1d56e')).toBe('');
  });
  test.each(['my-workflow', 'canary-release-XYZ', 'canary-release-4c1d56e0'])('%s belongs to no gate', (id) => {
    expect(() => laneOf(id)).toThrow('invalid workflow id');
  });
  test.each(['', 'eu', 'check-drift', 'eu-check-drift', 'gates.check-drift', 'check-drift-2026', 'deliver-events'])(
    'releases of lane %j wait for its releases, mover and lane, and for nothing that stands beside them',
    (name) => {
      const [lane, sha] = [parseLane(name), parseSha(FULL)];
      const prefix = name && `${name}-`;
      const waitedFor = [releaseId(lane, sha), `${prefix}rollback-4c1d56e`, moveLatestId(lane), releaseLaneId(lane)];
      const drift = [`${prefix}check-drift`, `${prefix}check-drift-2026-11-29T18:05:00Z`];
      const beside = [watchProductionId(lane, sha), deliverEventsId(lane), `${prefix}add-tenant:one`, ...drift];
      expect(waitedFor.filter((id) => !stopsReleases(id))).toEqual([]);
      expect(beside.filter(stopsReleases)).toEqual([]);
      expect(new Set([...waitedFor, ...beside].map(laneOf))).toEqual(new Set([lane]));
    },
  );
});

describe('the identity by which a worker reports its clock', () => {
  test.each([660_000, -5_000])('is read as it was written: %s ms', (aheadMs) => {
    const clock = { worker: 'host clock 1 4711', aheadMs };
    expect(parseClockIdentity(clockIdentity(clock))).toEqual(clock);
  });
  test.each(['', 'worker', 'worker clock', 'worker clock soon', ` clock ${'9'.repeat(16)}`])('%j is none', (text) => {
    expect(parseClockIdentity(text)).toBeNull();
  });
});
