import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { misspelled } from '../../src/config/misspelled.js';
import { connectionConfig } from '../../src/temporal/connection.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { serveHttp } from '../../workers/http.js';
import { pythonTool } from '../support/python-tool.js';

const textOf = (...path: string[]) => readFileSync(join(repositoryRoot, ...path), 'utf8');
/** The longest that a worker takes to end after SIGTERM, in seconds. */
const DRAIN_S = Number(/stopMs: (\d+)_000/.exec(textOf('workers', 'lifetime.ts'))?.[1]);
const HTTP_PORT = Number(/EXPOSE (\d+)/.exec(textOf('Dockerfile'))?.[1]);

/** Answers of a worker's own address, by path. */
async function statusOf(path: string): Promise<number> {
  const parts = {
    dead: () => null,
    notReady: async () => null,
    ownMetrics: () => '',
    metrics: new URL('http://127.0.0.1:1/metrics'),
  };
  const { port, close } = await serveHttp({ host: '127.0.0.1', port: 0 }, parts);
  onTestFinished(close);
  return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
}

/** What Node and glibc read. */
const OF_THE_RUNTIME = ['NODE_ENV', 'MALLOC_MMAP_THRESHOLD_'];

/** Fails if a variable is no setting, or has no valid value; the files of secrets are there. */
async function expectSettings(env: Record<string, string>): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'canary-deploy-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const secret = join(scratch, 'secret');
  writeFileSync(secret, 'one,two');
  const settings = Object.entries(env).map(([name, value]) => [name, name.endsWith('_FILE') ? secret : value]);
  const given = Object.fromEntries(settings);
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = given;
  await loadConfig(given);
  expect(misspelled(given)).toEqual([]);
  expect(connectionConfig(given).facts).toMatchObject({ address: TEMPORAL_ADDRESS, namespace: TEMPORAL_NAMESPACE });
  const others = Object.keys(env).filter(
    (name) => !/^(?:CANARY_|TEMPORAL_(?:ADDRESS|NAMESPACE|TLS)$|GITHUB_)/.test(name),
  );
  expect(others.filter((name) => !OF_THE_RUNTIME.includes(name))).toEqual([]);
}

test('what installs the gate needs Node only: nothing runs the set-up of the tests, which wants Go and Maven', () => {
  for (const path of [['Dockerfile'], ['docs', 'install.md'], ['docs', 'operations.md']])
    expect(textOf(...path)).not.toMatch(/npm run (?:setup|demo)|npm test/);
  expect(textOf('scripts', 'prepack.mjs')).toContain('setUp({ tools: [], ');
});

describe('deploy/systemd', () => {
  const unit = textOf('deploy', 'systemd', 'canary-worker@.service');
  const valuesOf = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const pairs = (text: string) => Object.fromEntries([...text.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, k, v]) => [k, v]));

  test('sets what a worker reads, and secrets as credentials of the unit', async () => {
    const env = pairs(valuesOf('Environment').join('\n').replaceAll('%i', '4'));
    await expectSettings({ ...pairs(textOf('deploy', 'systemd', 'canary.env').replaceAll(/^#.*$/gm, '')), ...env });
    expect(env.CANARY_HTTP_ADDR).toBe(`127.0.0.1:${HTTP_PORT}`);
    expect(textOf('Dockerfile')).toContain(` MALLOC_MMAP_THRESHOLD_=${env.MALLOC_MMAP_THRESHOLD_}\n`);
    const credentials = valuesOf('LoadCredential').map((one) => `%d/${one.split(':')[0]}`);
    const files = Object.entries(env).flatMap(([name, value]) => (name.endsWith('_FILE') ? [value] : []));
    expect(files.sort()).toEqual(credentials.sort());
  });

  test('gives a worker the time to drain, and starts it again unless its configuration is wrong', () => {
    expect(DRAIN_S).toBeGreaterThan(0);
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(DRAIN_S + 5);
    expect(unit).toMatch(/^Restart=always\n(?:.*\n)*RestartPreventExitStatus=2$/m);
    expect(unit).toMatch(/^StartLimitIntervalSec=0$/m);
  });

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  test.skipIf(!hasSystemd)('passes systemd-analyze verify (skipped without it)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-unit-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // Node is elsewhere on this machine.
    writeFileSync(join(folder, 'canary-worker@.service'), unit.replace('/usr/bin/node', process.execPath));
    const verify = (name: string) => {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(folder, name)], { encoding: 'utf8' });
      return { status, stderr };
    };
    expect(verify('canary-worker@4.service')).toEqual({ status: 0, stderr: '' });
    writeFileSync(join(folder, 'bad@.service'), unit.replace('ProtectSystem=strict', 'ProtectSystem=strictly'));
    expect(verify('bad@4.service').stderr).toContain('strictly');
  });
});

interface Container {
  image: string;
  args: string[];
  env: { name: string; value: string }[];
  envFrom: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  securityContext: object;
  resources: { requests: { memory: string }; limits: { memory: string } };
  [probe: `${string}Probe`]: {
    httpGet: { path: string; port: string };
    periodSeconds: number;
    failureThreshold?: number;
  };
}
interface PodSpec {
  containers: [Container];
  enableServiceLinks: boolean;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext: object;
  volumes: { secret: { secretName: string } }[];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: { template: { metadata: { labels: object }; spec: PodSpec }; selector: object; replicas: number };
}

const folder = join(repositoryRoot, 'deploy', 'kubernetes');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => document.toJS() as Manifest),
);
const manifest = <T = Manifest>(kind: string): T => {
  const found = manifests.filter((one) => one.kind === kind);
  expect(found.length, kind).toBe(1);
  return found[0] as T;
};

describe('deploy/kubernetes', () => {
  const pods = ['Deployment', 'Job'] as const;
  const podOf = (kind: (typeof pods)[number]) => manifest(kind).spec.template.spec;
  const { configMapGenerator, resources } = manifest<{
    configMapGenerator: [{ name: string; literals: string[] }];
    resources: string[];
  }>('Kustomization');
  const settings = Object.fromEntries(
    configMapGenerator[0].literals.map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) as [string, string]),
  );

  test('the base has every file', () => {
    expect([...resources, 'kustomization.yaml'].sort()).toEqual(files.sort());
  });

  test.each(pods)('the %s sets what the gate reads, with secrets from a volume', async (kind) => {
    const { containers, volumes } = podOf(kind);
    const env = Object.fromEntries(containers[0].env.map(({ name, value }) => [name, value]));
    await expectSettings({ ...settings, CANARY_ADMIN_TOKENS_FILE: '/x', ...env });
    expect(containers[0].envFrom).toEqual([{ configMapRef: { name: configMapGenerator[0].name } }]);
    for (const [name, value] of Object.entries(env))
      if (name.endsWith('_FILE')) expect(value).toMatch(/^\/run\/secrets\/canary\/[a-z-]+$/);
    expect(volumes).toMatchObject([{ secret: { secretName: 'canary-secrets' } }]);
  });

  test.each(pods)('the %s runs as no root, on a read-only file system, without rights in the cluster', (kind) => {
    const pod = podOf(kind);
    expect(pod).toMatchObject({
      // Variables of Services named canary would be settings that do not exist.
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.containers[0].resources).toMatchObject({
      requests: { memory: expect.stringMatching(/^\d+Mi$/) },
      limits: { memory: expect.stringMatching(/^\d+Mi$/) },
    });
  });

  test('a worker has the time to drain, and probes of its own address', async () => {
    const { terminationGracePeriodSeconds, containers } = podOf('Deployment');
    expect(terminationGracePeriodSeconds).toBeGreaterThan(DRAIN_S + 5);
    const [{ args, env, ports, ...container }] = containers;
    expect(args).toEqual(['worker']);
    expect(ports).toEqual([{ name: 'http', containerPort: HTTP_PORT }]);
    expect(env.find(({ name }) => name === 'CANARY_HTTP_ADDR')?.value).toBe(`0.0.0.0:${HTTP_PORT}`);
    for (const [probe, path] of [
      ['startupProbe', '/healthz'],
      ['livenessProbe', '/healthz'],
      ['readinessProbe', '/readyz'],
    ] as const) {
      expect(container[probe]?.httpGet).toEqual({ path, port: 'http' });
      expect(await statusOf(path)).toBe(200);
    }
    // A worker tries for a minute to reach Temporal before it ends.
    const { periodSeconds = 0, failureThreshold = 0 } = container.startupProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(90);
    expect(await statusOf('/nothing')).toBe(404);
  });

  test('two workers, of which a drain of nodes leaves one, and the network that they need', () => {
    const { replicas, selector, template } = manifest('Deployment').spec;
    expect(replicas).toBe(2);
    expect(selector).toEqual({ matchLabels: template.metadata.labels });
    expect(manifest('PodDisruptionBudget').spec).toMatchObject({ minAvailable: 1, selector });
    const { ingress, egress, podSelector } = manifest<{
      spec: Record<'ingress' | 'egress', [{ ports: { port: number }[] }]> & { podSelector: { matchLabels: object } };
    }>('NetworkPolicy').spec;
    expect(ingress[0].ports.map(({ port }) => port)).toEqual([HTTP_PORT]);
    expect(egress[0].ports.map(({ port }) => port)).toEqual([53, 53, 443, 7233]);
    for (const kind of pods)
      expect(manifest(kind).spec.template.metadata.labels).toMatchObject(podSelector.matchLabels);
  });

  const hasKubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;
  const validator = pythonTool('kubernetes-validate', '1.37.0');
  test.skipIf(!hasKubectl || validator === null)(
    'kustomize builds it, and each object is valid by the schemas of Kubernetes (skipped without kubectl or Python)',
    () => {
      const built = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
      expect(built).toMatchObject({ status: 0, stderr: '' });
      const validate = (text: string) => {
        const args = ['-m', 'kubernetes_validate', '-k', '1.32.0', '--strict', '-'];
        const { status, stdout, stderr } = spawnSync('python3', args, {
          input: text,
          encoding: 'utf8',
          env: { ...process.env, PYTHONPATH: validator ?? '' },
        });
        return { status, said: stdout + stderr };
      };
      expect(validate(built.stdout)).toMatchObject({ status: 0 });
      expect(validate(built.stdout.replace('minAvailable:', 'leastAvailable:')).status).not.toBe(0);
    },
  );
});
