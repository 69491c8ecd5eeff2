import { expect, test } from 'vitest';
import { compareUrl } from '../../src/report/compare.js';

const [OLD, NEW] = ['1111111', '2222222'];

test.each<[string, Parameters<typeof compareUrl>[0], string | undefined]>([
  [
    'GitHub',
    { commitUrl: 'https://github.com/acme/platform/commit/2222222' },
    'https://github.com/acme/platform/compare/1111111...2222222',
  ],
  [
    'GitLab',
    { commitUrl: 'https://gitlab.example/a/b/-/commit/2222222' },
    'https://gitlab.example/a/b/-/compare/1111111...2222222',
  ],
  [
    'the repository of the gate',
    { repository: 'acme/platform' },
    'https://github.com/acme/platform/compare/1111111...2222222',
  ],
  ['a page that is no commit', { commitUrl: 'https://ci.example/run/7' }, undefined],
  ['nothing', {}, undefined],
])('builds are compared on the page of %s', (_where, source, page) => {
  expect(compareUrl(source, OLD, NEW)).toBe(page);
});

test('a build is not compared with itself, and not with an unknown one', () => {
  const source = { repository: 'acme/platform' };
  expect([compareUrl(source, NEW, `${NEW}${'0'.repeat(33)}`), compareUrl(source, null, NEW)]).toEqual([
    undefined,
    undefined,
  ]);
});
