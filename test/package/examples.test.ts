import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import { endpointOf } from '../../src/registry/transport/endpoint.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { goTool } from '../support/go-tool.js';
import { scriptsOf } from '../support/workflow-scripts.js';

const folder = join(repositoryRoot, 'examples', 'github-actions');
const workflows = readdirSync(folder).filter((name) => name.endsWith('.yml'));
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8');
const actionlint = goTool('github.com/rhysd/actionlint/cmd/actionlint', 'v1.7.12');
const compose = goTool('github.com/compose-spec/compose-go/v2/cmd', 'v2.16.2');

describe.each(workflows)('examples/github-actions/%s', (name) => {
  test('has no permissions but those a job names, and a limit for every job', () => {
    expect(textOf(name)).toMatch(/^permissions: \{\}$/m);
    expect(textOf(name).match(/runs-on:/g)?.length).toBe(textOf(name).match(/timeout-minutes:/g)?.length);
  });

  test('pins every action by its full commit', () => {
    const used = [...textOf(name).matchAll(/uses: (\S+)/g)].map(([, action]) => action);
    for (const action of used) expect(action).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/);
  });

  test('puts nothing of an event into a script', () => {
    const scripts = [...scriptsOf(textOf(name)).values()];
    // As many as there are, so that none is overlooked.
    expect(scripts.length).toBe(textOf(name).match(/^\s*(?:- )?run:/gm)?.length);
    expect(scripts.filter((script) => script.includes('${' + '{'))).toEqual([]);
  });

  test.skipIf(actionlint === null)('passes actionlint (skipped where Go cannot build it)', () => {
    const { status, stdout, stderr } = spawnSync(actionlint ?? '', ['-no-color', join(folder, name)], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

interface ComposeService {
  environment?: Record<string, string>;
  networks?: Record<string, { aliases?: string[] } | null>;
  deploy?: { replicas?: number };
  depends_on?: object;
  stop_grace_period?: string;
}

test('.dockerignore keeps what is secret from the builder', () => {
  const ignored = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.git', '.demo', 'secrets']));
});

describe('docker-compose.yml', () => {
  const text = readFileSync(join(repositoryRoot, 'docker-compose.yml'), 'utf8');

  test('listens on loopback only, and pins every image', () => {
    for (const [, port] of text.matchAll(/ports: \["([^"]+)"\]/g)) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const [, image] of text.matchAll(/image: (\S+)/g)) expect(image).toMatch(/:(?:[0-9][\w.-]*|local)$/);
  });

  test.skipIf(compose === null)('is what Compose itself reads (skipped where Go cannot build its parser)', () => {
    const { status, stdout, stderr } = spawnSync(compose ?? '', ['-format', 'json', 'docker-compose.yml'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { services } = JSON.parse(stdout) as {
      services: Record<string, ComposeService>;
    };
    expect(Object.keys(services).sort()).toEqual([
      'namespace',
      'postgres',
      'registry',
      'schema',
      'setup',
      'temporal',
      'ui',
      'worker',
    ]);
    expect(services.worker).toMatchObject({
      deploy: { replicas: 2 },
      depends_on: { setup: { condition: 'service_completed_successfully' } },
      stop_grace_period: '40s',
    });
    // temporalio/server has had no file of it since 1.30, and ends with 1 where the named one is missing.
    expect(services.temporal?.environment).toMatchObject({ DYNAMIC_CONFIG_FILE_PATH: '/dev/null' });
    const [alias = ''] = services.registry?.networks?.default?.aliases ?? [];
    expect(endpointOf(parseRepository(`${alias}:5000/platform`), []).origin).toBe('http://registry.localhost:5000');
  });
});
