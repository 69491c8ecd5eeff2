import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

const NAME = '@canary-release-gate/canary';
const tracked = repositoryFiles();
const textOf = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');

test('the package has a scope, so that no stranger can have its name', () => {
  for (const file of ['package.json', 'package-lock.json'])
    expect(JSON.parse(textOf(file))).toMatchObject({ name: NAME });
  expect(JSON.parse(textOf('package.json'))).toMatchObject({ bin: { canary: 'bin/canary.js' }, private: true });
});

test('nothing that a person may copy runs `npx canary`, which may fetch a package of that name', () => {
  const shown = tracked.filter(
    (file) => /^(?:README\.md|docs\/|examples\/|demo\/|src\/)/.test(file) && !file.endsWith('.png'),
  );
  const calls = shown.filter((file) =>
    /npx (?:--yes |-y )?canary\b/.test(textOf(file).replace(/Do not run\s+`npx canary`/, '')),
  );
  expect(calls).toEqual([]);
});

test('the list of packages is CycloneDX, and names what a worker runs and nothing that only tests need', () => {
  const sbom = JSON.parse(
    execFileSync(process.execPath, ['scripts/sbom.mjs'], { cwd: repositoryRoot, encoding: 'utf8' }),
  );
  expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: NAME, type: 'application' } } });
  const { dependencies, devDependencies } = JSON.parse(textOf('package.json'));
  const names = (sbom.components as { purl: string }[]).map(({ purl }) =>
    decodeURIComponent(purl.replace(/^pkg:npm\//, '')).replace(/@[^@]+$/, ''),
  );
  expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  expect(names).not.toContain('vitest');
  expect(Object.keys(devDependencies)).toContain('vitest');
  for (const { hashes } of sbom.components as { hashes: { alg: string }[] }[])
    expect(hashes.map(({ alg }) => alg)).toContain('SHA-512');
});
