import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { fullDescribe } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { until } from '../support/until.js';

const keyFile = `key-1:${randomBytes(32).toString('base64')}\n`;
const cacheOf = (command: string) => `canary-${command}-${process.version}-${process.platform}-${process.arch}.cache`;
const gate = useGate('packed', () => ({ payloadKeys: parsePayloadKeys(keyFile) }));

fullDescribe('the package, installed into an empty folder as the image does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-packed-'));
  const npm = (...args: string[]) => execFileSync('npm', args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
  beforeAll(() => {
    execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: repositoryRoot, stdio: 'pipe' });
    const [tarball = ''] = readdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    npm('install', tarball, '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund');
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('contains the program and its license, and nothing else', () => {
    const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    const files = execFileSync('tar', ['-tzf', join(folder, tarball)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    const compiled = /^dist\/(?:activities|src|workers|workflows)\/[\w/-]+\.(?:js|js\.map|d\.ts|cjs)$/;
    const others = files.map((file) => file.replace(/^package\//, '')).filter((file) => !compiled.test(file));
    expect(others.sort()).toEqual([
      'LICENSE',
      'README.md',
      'bin/canary.js',
      'bin/package.json',
      'bin/run-bundle.js',
      ...['none', 'rollback', 'smoke', 'status'].map((command) => `dist/cli/${cacheOf(command)}`),
      'dist/cli/canary.cjs',
      `dist/cli/${cacheOf('status').replace('canary', 'sdk')}`,
      'dist/cli/sdk.cjs',
      'dist/workflow-bundle.json',
      'docs/events.schema.json',
      'docs/fleet.schema.json',
      'docs/gates.schema.json',
      'package.json',
    ]);
  });

  test('contains no tests and no test bed, and prints its version', () => {
    const files = readdirSync(join(folder, 'node_modules', '@canary-release-gate', 'canary', 'dist'));
    expect(files.sort()).toEqual(['activities', 'cli', 'src', 'workers', 'workflow-bundle.json', 'workflows']);
    expect(npm('exec', '--offline', '--', 'canary', '--version').trim()).toBe('0.1.0');
  });

  test('takes the compiled code of a command from its cache, and runs without it if it is of another V8', () => {
    const installed = join(folder, 'node_modules', '@canary-release-gate', 'canary');
    const run = (name: string) => {
      const script = `const [{ script }] = require(${JSON.stringify(join(installed, 'bin', 'run-bundle.js'))}).runBundle(
        ${JSON.stringify(join(installed, 'dist', 'cli'))});
        process.once('exit', () => console.log(script.cachedDataRejected));`;
      return execFileSync(process.execPath, ['-e', script, 'canary', name, '--help'], { encoding: 'utf8' });
    };
    expect(run('rollback')).toMatch(/^Usage: canary rollback [\s\S]*\nfalse\n$/);
    copyFileSync(join(installed, 'package.json'), join(installed, 'dist', 'cli', cacheOf('doctor')));
    expect(run('doctor')).toMatch(/^Usage: canary doctor [\s\S]*\ntrue\n$/);
  });

  test('loads a suite of a user, which imports its API and zod', () => {
    const suite = join(folder, 'suite.ts');
    // One that is no suite ends the command at once.
    const code = `import { defaultSuite } from '@canary-release-gate/canary/smoke';
      import { z } from 'zod';
      export default z.array(z.object({})).parse(defaultSuite).map(() => 'no check');`;
    writeFileSync(suite, code);
    const env = { CANARY_SMOKE_SUITE: suite, CANARY_TENANT_URLS: 'http://127.0.0.1:1', CANARY_ADMIN_TOKENS: 'none' };
    const bin = join(folder, 'node_modules', '.bin', 'canary');
    const { stderr, stdout } = spawnSync(bin, ['smoke'], { env: { ...process.env, ...env }, encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toContain('CANARY_SMOKE_SUITE: ');
    expect(`${stdout}${stderr}`).not.toContain('did not load');
  });

  test('carries a release out with the workflows that were bundled ahead, and encrypts payloads', async () => {
    await gate().stopWorker();
    const CANARY_PAYLOAD_KEY_FILE = join(folder, 'payload-keys');
    writeFileSync(CANARY_PAYLOAD_KEY_FILE, keyFile);
    const bin = join(folder, 'node_modules', '.bin', 'canary');
    const TEMPORAL_ADDRESS = temporalAddress();
    const env = { ...gate().env, TEMPORAL_ADDRESS, CANARY_PAYLOAD_KEY_FILE, CANARY_HTTP_ADDR: '127.0.0.1:0' };
    const worker = spawn(bin, ['worker'], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env } });
    let said = '';
    worker.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const ended = once(worker, 'close');
    try {
      await until('it is ready', () => said.includes('"worker.started"'), 20_000);
      expect(said).toContain('"bundle":"built ahead"');
      await gate().begin('0ddba11');
      const { sha, digests } = await gate().greenBuild();
      await gate()
        .release({ sha })
        .then((handle) => handle.result());
      expect(await gate().latest()).toEqual(digests);
      // The bundled command line, with Temporal and with the registry alone.
      const canary = (...args: string[]) =>
        promisify(execFile)(bin, args, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env } });
      expect((await canary('status', sha, '--json')).stdout).toContain('"promoted"');
      const direct = canary('rollback', sha, '--direct', '--force', '--reason', 'as a package', '--by', 'ada');
      expect(JSON.parse((await direct).stdout)).toMatchObject({ direct: true, outcome: 'already' });
    } finally {
      worker.kill('SIGTERM');
      await ended;
    }
  }, 60_000);
});
