import { describe, expect, test } from 'vitest';
import { type Digest, parseRepository } from '../../src/contract/image.js';
import { areOnOneBuild, type MoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { describeChange, outcomesOf } from '../../src/domain/one-build.js';
import { imageChange } from '../../src/registry/read-platforms.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const [app, worker] = ['r.example/app', 'r.example/worker'].map(parseRepository) as [
  ReturnType<typeof parseRepository>,
  ReturnType<typeof parseRepository>,
];
/** A promotion of an image from a to b, of which the build leaves the other at c. */
const input: MoveInput = {
  kind: 'promotion',
  sha: parseSha('4c1d56e'),
  by: 'ada',
  reason: 'green',
  images: [
    { repository: app, to: digest('b'), from: digest('a') },
    { repository: worker, to: digest('c'), from: digest('c'), unchanged: true },
  ],
};
const before = [
  { repository: app, digest: digest('a') },
  { repository: worker, digest: digest('c') },
];
const after = (one: string, other: string) =>
  outcomesOf(input, before, [
    { repository: app, digest: digest(one) },
    { repository: worker, digest: digest(other) },
  ]);

describe('after a mover that is gone, an image that the build does not have', () => {
  test.each([
    ['was kept, if the other has moved', 'b', 'c', ['promoted', 'already'], true],
    ['stayed, if the other has not', 'a', 'c', ['restored', 'restored'], true],
    ['splits no pair by staying, if the other is elsewhere', 'f', 'c', ['conflict', 'already'], false],
    ['was moved from outside, if it is elsewhere', 'b', 'f', ['promoted', 'conflict'], false],
  ])('%s', (_what, one, other, results, isOne) => {
    const images = after(one, other);
    expect(images.map(({ result }) => result)).toEqual(results);
    expect(areOnOneBuild(images)).toBe(isOne);
  });
});

describe('what changes in an image', () => {
  const [amd, arm] = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, bytes: 400_000_000 }));
  const both = [amd, arm].filter((one) => one !== undefined);
  test.each<[string, Parameters<typeof imageChange>, string | undefined]>([
    [
      'its growth',
      [[{ platform: '', bytes: 400_000_000 }], [{ platform: '', bytes: 412_300_000 }]],
      '412.3 MB to pull, before 400.0 MB (+3.1 %)',
    ],
    [
      'that it shrinks',
      [[{ platform: '', bytes: 10_000 }], [{ platform: '', bytes: 9_000 }]],
      '9.0 kB to pull, before 10.0 kB (−10.0 %)',
    ],
    ['a platform that is gone', [both, both.slice(0, 1)], '400.0 MB to pull; no longer for linux/arm64'],
    ['a platform that is new', [both.slice(0, 1), both], '400.0 MB to pull; new for linux/arm64'],
    [
      'no platform, if one side names none',
      [[{ platform: '', bytes: 1_000 }], [{ platform: 'linux/amd64', bytes: 1_000 }]],
      '1.0 kB to pull',
    ],
    ['its size alone without a :latest', [null, both], '400.0 MB to pull'],
    ['nothing, if the build could not be read', [both, null], undefined],
  ])('is %s', (_what, [from, to], expected) => {
    const change = imageChange(from, to);
    expect(change && describeChange(change)).toBe(expected);
  });
});
