import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTenant } from '../../testbed/tenant.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { newSha } from '../support/shas.js';

test('canary smoke runs as people run it: a suite in TypeScript, a token piped in, no Temporal anywhere', async () => {
  const tenant = await startTenant({ name: 'canary-1', token: 'piped', build: { sha: newSha() } });
  const args = [join(repositoryRoot, 'bin', 'canary.js'), 'smoke', '--url', tenant.url, '--token-file', '-'];
  const suite = join(repositoryRoot, 'examples', 'suites', 'one-more.ts');
  const child = spawn(process.execPath, args, { env: { CANARY_SMOKE_SUITE: suite }, cwd: '/' });
  child.stdin.end('piped\n');
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  await tenant.stop();
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /PASS a stranger cannot list workspaces\n\n=== CANARY SMOKE RESULTS ===\n {2}PASS: 7\n {2}FAIL: 0\n$/,
  );
});

test('the package exports what a suite is written with', async () => {
  const script = `import * as smoke from '@canary-release-gate/canary/smoke'; console.log(Object.keys(smoke).sort().join());`;
  const args = ['--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  expect(await text(child.stdout)).toBe(
    'alerts,answers,check,command,defaultSuite,del,drift,get,post,prometheus,step,z\n',
  );
});
