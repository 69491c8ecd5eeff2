import { expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Direct, Evidence, Run } from '../../chaos/checker/evidence.js';
import { A, at, B, C, GOOD, IMAGES, latestOf, more, PLATFORM, run, scheduled, TENANT, writes } from './forged.js';

// What the gate reports, and what the evidence itself shows.
const [LANE, RELEASE, MOVER] = GOOD.runs as [Run, Run, Run];
const PROMOTED = { ...RELEASE, outcome: 'promoted' };
const ended = (outcome: string, other: Partial<Evidence> = {}) =>
  more({ runs: [LANE, { ...RELEASE, outcome }], writes: writes(0, A, 'person'), latest: latestOf(A), ...other });
/** `--direct` to C, from 30 to 33. */
const direct = (isDone: boolean, own: Evidence['writes'], at_: Evidence['latest']) =>
  more({
    writes: [...GOOD.writes, ...own],
    direct: [{ from: at(30), to: at(33), sha: C, isDone } satisfies Direct],
    latest: at_,
  });
const half = writes(32, C, 'direct', [PLATFORM]);
/** The lane raises an alarm, which a worker publishes. */
const alarm = (text: string, isDone = true) =>
  more({
    runs: [
      {
        ...LANE,
        events: [
          ...LANE.events,
          { ...scheduled(25, 'alarm latest-moved'), alarm: 'run-7', ...(isDone && { isDone: true as const }) },
        ],
      },
      RELEASE,
      MOVER,
    ],
    texts: [{ name: 'log of worker-1', text: `state: 'RUNNING' ${text}` }],
  });

test.each<[string, string, Evidence]>([
  ['I2', 'a release that reports a promotion, and has no mover', ended('promoted')],
  [
    'I2',
    'a rollback that reports that its build was there',
    ended('already', { runs: [LANE, run('Rollback', 'b', 5, 9, { input: { sha: B }, outcome: 'already' })] }),
  ],
  [
    'I2',
    'a release that reports a promotion, and moved one image',
    ended('promoted', {
      runs: [LANE, PROMOTED, { ...MOVER, status: 'FAILED', failure: 'PairSplit' }],
      writes: [...writes(0, A, 'person'), ...writes(21, B, 'gate', [PLATFORM])],
      latest: latestOf(B, A),
    }),
  ],
  [
    'I2',
    'a release that reports a promotion, and of which a person moved the one image that it moved',
    ended('promoted', {
      writes: [
        ...writes(0, A, 'person'),
        ...writes(21, B, 'gate', [PLATFORM]),
        ...writes(21.2, C, 'person', [PLATFORM]),
      ],
      latest: latestOf(C, A),
    }),
  ],
  ['I2', 'a direct rollback that ended well with half a pair', direct(true, half, latestOf(C, B))],
  ['log', 'a log of writes that ends elsewhere', more({ latest: latestOf(C) })],
  ['log', 'a tag that was deleted', more({ latest: { ...GOOD.latest, [TENANT]: null } })],
  ['alarm', 'an alarm that is in no log', alarm('nothing')],
  ['I5', 'a log that is empty', more({ texts: [{ name: 'log of worker-1', text: '' }] })],
  ['I5', 'a log of a host with a secret', more({ texts: [{ name: 'log of host-1', text: 'a-long-secret' }] })],
])('the checker finds %s in %s', (rule, _what, evidence) => {
  expect(check(evidence).map((one) => one.rule)).toContain(rule);
});

test.each<[string, Evidence]>([
  ['a promotion that is reported', more({ runs: [LANE, PROMOTED, MOVER] })],
  [
    'a promotion that a person moved away from before the release ended',
    more({
      runs: [LANE, PROMOTED, MOVER],
      writes: [...GOOD.writes, ...writes(21.9, C, 'person')],
      latest: latestOf(C),
    }),
  ],
  [
    'a promotion between whose writes a person moved the first image, which reads that lag do not show',
    more({
      staleMs: 30_000,
      runs: [LANE, PROMOTED, MOVER],
      writes: [
        ...writes(0, A, 'person'),
        ...writes(21, B, 'gate', [PLATFORM]),
        ...writes(21.1, C, 'person', [PLATFORM]),
        ...writes(21.2, B, 'gate', [TENANT]),
        ...writes(21.4, C, 'person', [TENANT]),
      ],
      latest: latestOf(C),
    }),
  ],
  [
    'a release of the live build, which wrote nothing',
    ended('promoted', { writes: writes(0, B, 'person'), latest: latestOf(B) }),
  ],
  [
    'a rollback to a build that a person moved away from, which a read may show still',
    ended('already', {
      runs: [LANE, run('Rollback', 'b', 5, 9, { input: { sha: B }, outcome: 'already' })],
      writes: [...writes(0, B, 'person'), ...writes(4, A, 'person')],
    }),
  ],
  ['a release that ends in another way', ended('superseded')],
  ['a direct rollback', direct(true, writes(32, C, 'direct'), latestOf(C))],
  ['a direct rollback that failed with half a pair, and says so', direct(false, half, latestOf(C, B))],
  [
    'a direct rollback whose images a person moved meanwhile',
    direct(true, [...writes(31, C, 'direct'), ...writes(32, A, 'person')], latestOf(A)),
  ],
  ['an alarm in the log of a worker', alarm("alarm { event: 'alarm', id: 'run-7' }")],
  ['an alarm that no worker was there to publish', alarm('nothing', false)],
])('the checker accepts %s', (_what, evidence) => {
  expect(check(evidence)).toEqual([]);
});

test('every image is judged at the end of a direct rollback', () => {
  const found = check(direct(true, writes(32, A, 'direct'), latestOf(A)));
  expect(found.filter(({ what }) => IMAGES.every((image) => what.includes(image))).length).toBe(1);
});
