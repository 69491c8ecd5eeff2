import { expect, test } from 'vitest';
import { type Digest, parseRepository } from '../../src/contract/image.js';
import { wasLive } from '../../src/report/summary.js';

const [platform, tenant, added] = ['platform', 'tenant', 'added'].map((name) =>
  parseRepository(`registry.example/${name}`),
);
const at = (repository: typeof platform, digit: string) => ({
  repository: repository as NonNullable<typeof repository>,
  digest: `sha256:${digit.repeat(64)}` as Digest,
});
const promoted = [at(platform, '1'), at(tenant, '2')];

test.each([
  ['the same images', [at(platform, '1'), at(tenant, '2')], true],
  ['in another order', [at(tenant, '2'), at(platform, '1')], true],
  ['with an image that was added since', [at(added, '3'), at(platform, '1'), at(tenant, '2')], true],
  ['without one that was removed since', [at(tenant, '2')], true],
  ['with digests that changed places', [at(platform, '2'), at(tenant, '1')], false],
  ['of which one is on another build', [at(platform, '1'), at(tenant, '9')], false],
  ['that are other ones', [at(added, '1')], false],
])('a promotion is found by where :latest was before the next one: %s', (_, latest, isFound) => {
  expect(wasLive(promoted, latest)).toBe(isFound);
});
