import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import { endpointOf } from '../../src/registry/transport/endpoint.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { goTool } from '../support/go-tool.js';
import { scriptsOf } from '../support/workflow-scripts.js';
import { lacksZizmor, zizmor } from '../support/zizmor.js';

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
    const used = [...textOf(name).matchAll(/^\s*(?:- )?uses: (\S+)/gm)].map(([, action]) => action ?? '');
    const own = used.filter((action) => action.startsWith('./.github/workflows/'));
    for (const action of own) expect(workflows).toContain(action.replace('./.github/workflows/', ''));
    for (const action of used.filter((one) => !own.includes(one)))
      expect(action).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/);
  });

  test('puts nothing of an event into a script', () => {
    const scripts = [...scriptsOf(textOf(name)).values()];
    // As many as there are, so that none is overlooked.
    expect(scripts.length).toBe(textOf(name).match(/^\s*(?:- )?run:/gm)?.length);
    expect(scripts.filter((script) => script.includes('${' + '{'))).toEqual([]);
  });

  test('gives the key for Temporal to jobs of an environment only, and to steps that install nothing', () => {
    for (const [job, text] of jobsOf(textOf(name))) {
      const steps = text.split(/^ {6}- /m).filter((step) => step.includes('secrets.TEMPORAL_API_KEY'));
      if (steps.length > 0) expect(text, `${job} has an environment`).toMatch(/^ {4}environment: [\w-]+$/m);
      for (const step of steps) expect(step).not.toMatch(/npm (?:ci|run|install|pack)|npx|tar /);
    }
    expect(textOf(name).split(/^jobs:\n/m)[0]).not.toContain('secrets.');
  });

  test('installs what the lock file says, runs no script of a package, and fetches nothing by a name', () => {
    const installs = textOf(name).match(/npm (?:ci|install|i|exec|run)\b.*|npx.*/g) ?? [];
    for (const line of installs)
      expect(line).toMatch(/^npm (?:ci (?:--omit=dev )?--ignore-scripts$|run --silent sbom )/);
  });

  test('checks out another repository at a full commit only', () => {
    for (const [, checkout = ''] of textOf(name).matchAll(/repository: .*\n((?: {10}.*\n)+)/g))
      expect(checkout).toMatch(/^ {10}ref: "[0-9a-f]{40}"$/m);
  });

  test('checks the sha before it uses it', () => {
    for (const script of scriptsOf(textOf(name)).values()) {
      if (!script.includes('"$SHA"') || script.includes('docker build')) continue;
      expect(script.split('\n').find((line) => !/^\s*(?:#|$)/.test(line))).toContain(
        '[[ "$SHA" =~ ^[0-9a-f]{7,40}$ ]] ||',
      );
    }
  });

  test.skipIf(actionlint === null)('passes actionlint (skipped where Go cannot build it)', () => {
    const { status, stdout, stderr } = spawnSync(actionlint ?? '', ['-no-color', join(folder, name)], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('the job of docs/ci.md that uses action.yml', () => {
  const block = /^## The action\n[\s\S]*?```yaml\n([\s\S]*?)```/m.exec(
    readFileSync(join(repositoryRoot, 'docs', 'ci.md'), 'utf8'),
  )?.[1];
  const needed = 'runs-on: ubuntu-24.04\n    steps: [{ run: "true" }]\n';
  const jobs = `  publish:\n    outputs: { sha: "4c1d56e" }\n    ${needed}  gate:\n    ${needed}`;
  const workflow = `on: push\njobs:\n${jobs}${block?.replaceAll(/^(?=.)/gm, '  ')}`;

  /** What actionlint says of the job, with `action.yml` in its own project, for it fetches none from elsewhere. */
  function lint(text: string) {
    const project = mkdtempSync(join(tmpdir(), 'canary-actionlint-'));
    onTestFinished(() => rmSync(project, { recursive: true, force: true }));
    const file = join(project, '.github', 'workflows', 'release.yml');
    mkdirSync(join(project, '.git'));
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(join(repositoryRoot, 'action.yml'), join(project, 'action.yml'));
    writeFileSync(file, text.replace(/uses: acme\/canary-release-gate@\w+/, 'uses: ./'));
    const { status, stdout, stderr } = spawnSync(actionlint ?? '', ['-no-color', '-oneline', file], {
      cwd: project,
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  }

  test.skipIf(actionlint === null)(
    'passes actionlint, and so does the action (skipped where Go cannot build it)',
    () => {
      expect(lint(workflow)).toEqual({ status: 0, said: '' });
    },
  );

  test.skipIf(actionlint === null).each([
    ['an input that the action has not', /package: .*/, 'packages: x', 'missing input "package"'],
    ['an output that it has not', /outputs\.outcome/, 'outputs.result', 'property "result" is not defined'],
  ])('fails actionlint with %s', (_what, find, replace, said) => {
    expect(lint(workflow.replace(find, replace)).said).toContain(said);
  });
});

/** Texts of the jobs of a workflow, by their names. */
function jobsOf(workflow: string): [string, string][] {
  const parts = (workflow.split(/^jobs:\n/m)[1] ?? '').split(/^ {2}(\w+):\n/m).slice(1);
  return parts.flatMap((job, index) => (index % 2 === 0 ? [[job, parts[index + 1] ?? ''] as [string, string]] : []));
}

test.skipIf(lacksZizmor)('zizmor finds nothing of medium severity or more (skipped without it)', () => {
  // It looks for workflows where GitHub has them.
  const project = mkdtempSync(join(tmpdir(), 'canary-zizmor-'));
  const there = join(project, '.github', 'workflows');
  cpSync(folder, there, { recursive: true, filter: (file) => !file.endsWith('.md') });
  const told = zizmor(project);
  rmSync(project, { recursive: true, force: true });
  expect(told).toMatchObject({ status: 0 });
});

test('what starts a release from an input writes it into JSON as a text', () => {
  const hostile = '4c1d56e","promoteOnly":true,"requestedBy":"release-bot';
  const script = scriptsOf(textOf('start-without-node.yml')).get('start') ?? '';
  const echo = join(mkdtempSync(join(tmpdir(), 'canary-cli-')), 'cli');
  writeFileSync(echo, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
  const env = { PATH: process.env.PATH, TEMPORAL_CLI: echo, QUEUE: 'canary-release', SEQUENCE: '7' };
  const run = (sha: string, sequence = '7') =>
    spawnSync('bash', ['-e', '-c', script], { env: { ...env, SHA: sha, SEQUENCE: sequence }, encoding: 'utf8' });
  for (const sha of [hostile, '--help', '4c1d56', '4C1D56E', 'a'.repeat(41), '4c1d56e\nx'])
    expect(run(sha)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('7 to 40 hex digits') });
  if (spawnSync('jq', ['--version']).status !== 0) return;
  const { stdout } = run('4c1d56e');
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({ sha: '4c1d56e', sequence: 7 });
  expect(run('4c1d56e', '7,"promoteOnly":true').status).not.toBe(0);
});

interface ComposeService {
  environment?: Record<string, string>;
  networks?: Record<string, { aliases?: string[] } | null>;
  deploy?: { replicas?: number };
  depends_on?: object;
  stop_grace_period?: string;
}

test('the base image of the Dockerfile is pinned by digest', () => {
  const bases = [...readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8').matchAll(/^FROM (\S+)/gm)];
  expect(bases.length).toBe(3);
  for (const [, base] of bases) expect(base).toMatch(/^node:[\w.-]+@sha256:[0-9a-f]{64}$/);
  expect(new Set(bases.map(([, base]) => base)).size).toBe(1);
});

test('.dockerignore keeps what is secret from the builder', () => {
  const ignored = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.git', '.demo', 'secrets']));
});

describe('docker-compose.yml', () => {
  const text = readFileSync(join(repositoryRoot, 'docker-compose.yml'), 'utf8');

  /** The parser reads no environment. */
  const composed = (content: string) => {
    const project = mkdtempSync(join(tmpdir(), 'canary-compose-'));
    onTestFinished(() => rmSync(project, { recursive: true, force: true }));
    writeFileSync(join(project, 'docker-compose.yml'), content);
    return spawnSync(compose ?? '', ['-format', 'json', 'docker-compose.yml'], { cwd: project, encoding: 'utf8' });
  };
  const REQUIRED = /\$\{CANARY_IMAGES:\?[^}]*\}/;

  test.skipIf(compose === null)('starts nothing without the images (skipped where Go cannot build its parser)', () => {
    const { status, stderr } = composed(text);
    expect(status).toBe(1);
    expect(stderr).toContain(
      'required variable CANARY_IMAGES is missing a value: name the images that move together, e.g.',
    );
  });

  test('listens on loopback only, and pins every image', () => {
    for (const [, port] of text.matchAll(/ports: \["([^"]+)"\]/g)) expect(port).toMatch(/^127\.0\.0\.1:/);
    const images = [...text.matchAll(/image: (\S+)/g)].map(([, image = '']) => image);
    for (const image of images) expect(image).toMatch(/:(?:[0-9][\w.-]*|local)(?:@sha256:[0-9a-f]{64})?$/);
    // Our own, and Temporal's, whose digests could not be looked up when this was written.
    const byTag = images.filter(
      (image) => !image.includes('@') && !/^(?:temporalio\/|canary-release-gate:local)/.test(image),
    );
    expect(byTag).toEqual([]);
  });

  test('has a Temporal UI that shows and sends what the pages say, as docs/install.md names it', () => {
    const [, pinned = ''] = /image: temporalio\/ui:([\d.]+)/.exec(text) ?? [];
    const install = readFileSync(join(repositoryRoot, 'docs', 'install.md'), 'utf8');
    const [, least = ''] = /need UI\s+([\d.]+) or newer/.exec(install) ?? [];
    expect(least).toBe('2.40.0');
    expect(pinned.localeCompare(least, 'en', { numeric: true })).toBeGreaterThanOrEqual(0);
  });

  test.skipIf(compose === null)('is what Compose itself reads (skipped where Go cannot build its parser)', () => {
    const { status, stdout, stderr } = composed(text.replace(REQUIRED, 'registry.localhost:5000/platform'));
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
