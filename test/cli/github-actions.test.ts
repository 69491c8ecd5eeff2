import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annotations } from '../../src/report/annotations.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { failed, record } from '../support/records.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli-actions');
const folder = mkdtempSync(join(tmpdir(), 'canary-actions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command line as a step of GitHub Actions would. */
async function step(args: string[], written = '') {
  const [summary, output] = ['summary', 'output'].map((name) => join(folder, name)) as [string, string];
  writeFileSync(summary, written);
  writeFileSync(output, '');
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output, GITHUB_ACTOR: 'ada' };
  const result = await run(args, { CANARY_LANE: 'cli-actions', ...env });
  return { ...result, summary: readFileSync(summary, 'utf8'), outputs: parsed(readFileSync(output, 'utf8')) };
}

/** Outputs as the runner reads them. */
function parsed(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)<<(\S+)\n([\s\S]*?)\n\2\n/gm)].map(([, name, , value]) => [name, value]),
  );
}

describe('waiting in GitHub Actions', () => {
  beforeAll(() => gate().begin(newSha()));

  fullTest(
    'appends the report to the step summary, writes outputs, and annotates on stderr while stdout stays data',
    async () => {
      const { sha } = await gate().greenBuild();
      const { code, out, err, summary, outputs } = await step(
        ['release', sha, '--wait', '--json'],
        'of another command\n',
      );
      expect(code).toBe(0);
      expect(JSON.parse(out.join('\n'))).toMatchObject({ outcome: 'promoted' });
      expect(summary).toMatch(/^of another command\n## Canary verified — :latest promoted\n/);
      expect(outputs).toEqual({ sha, ran: 'true', outcome: 'promoted' });
      expect(err.at(-1)).toBe(`::notice title=canary::promoted: release of ${sha}`);
    },
  );

  test('names each failing check in an error line, and the tenant by its name only', async () => {
    const sha = newSha();
    await gate().publish(sha);
    gate().deploy({ sha, misbehave: 'memory-search' });
    const { code, err, summary, outputs } = await step(['release', sha, '--wait']);
    expect(code).toBe(1);
    expect(outputs).toEqual({ sha, ran: 'true', outcome: 'CanaryRejected' });
    expect(summary).toMatch(/^## Canary smoke FAILED\n/);
    const lines = err.filter((line) => line.startsWith('::'));
    expect(lines[0]).toBe(`::error title=canary::CanaryRejected: release of ${sha}`);
    expect(lines[1]).toMatch(/^::error title=canary-1%3A memory search finds the probe::status 200, \$/);
    for (const { url } of gate().tenants) expect(summary + lines.join()).not.toContain(url.replace('http://', ''));
  });

  fullTest('reports that the run continues after the timeout', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const handle = await gate().release({ sha });
    await until('it waits for the canaries', async () => (await gate().phase(handle)) === 'awaiting-canary');
    const { code, summary, outputs } = await step(['release', sha, '--wait', '--timeout', '1s']);
    expect(code).toBe(8);
    expect(summary).toMatch(/^## Canary running — awaiting-canary\n/);
    expect(outputs).toEqual({ sha, ran: 'false', outcome: 'running' });
    gate().deploy({ sha });
    expect((await step(['release', sha, '--wait'])).code).toBe(0);
  });

  fullTest('keeps the step under 1 MiB with what the step had written before', async () => {
    const { sha } = await gate().greenBuild();
    const { summary } = await step(['release', sha, '--wait'], 'x'.repeat(999_000));
    expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024);
    expect(summary).toContain('*Cut: the report is too long');
  });

  test('a summary that cannot be written is reported, and changes no exit code', async () => {
    const { sha } = await gate().greenBuild();
    const env = { CANARY_LANE: 'cli-actions', GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: folder };
    const { code, err } = await run(['release', sha, '--wait'], env);
    expect(code).toBe(0);
    expect(err.at(-1)).toMatch(/^canary: .*EISDIR/);
  });
});

describe('text from outside is no command of the runner', () => {
  const hostile = 'x\n::error::y%0A::notice::z';
  test('in an annotation', () => {
    const tenants = [{ tenant: hostile, checks: [failed('a, b')] }];
    expect(annotations(record({ outcome: 'CanaryRejected', tenants }))[1]).toBe(
      '::error title=x %3A%3Aerror%3A%3Ay%250A%3A%3Anotice%3A%3Az%3A a%2C b::status 200, $[0].content',
    );
  });
});
