import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { fullDescribe } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { lacksZizmor, zizmor } from '../support/zizmor.js';

interface Step {
  name: string;
  id: string;
  shell: string;
  env: Record<string, string>;
  run: string;
}
interface Action {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: Step[] };
}

const text = readFileSync(join(repositoryRoot, 'action.yml'), 'utf8');
const action = parse(text) as Action;

/** What a runner makes of an expression: contexts alone, and no functions. */
function evaluated(template: string, context: Record<string, string>): string {
  return template.replaceAll(/\$\{\{ ([\w.-]+) \}\}/g, (_, name: string) => context[name] ?? '');
}

/** Outputs of a step, in both forms of the file. */
function outputsIn(file: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = readFileSync(file, 'utf8').split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name, end] = /^(\w+)<<(.+)$/.exec(line) ?? [];
    if (name !== undefined) {
      const value = lines.splice(0, lines.indexOf(end as string));
      lines.shift();
      found[name] = value.join('\n');
    } else if (line.includes('=')) found[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
  }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), 'canary-action-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs its steps as a runner does: one bash for each, with its own files for outputs, until one fails. */
async function runAction(inputs: Record<string, string>, env: Record<string, string>) {
  const temp = mkdtempSync(join(folder, 'runner-'));
  const given = Object.entries(action.inputs).map(([name, { default: value = '' }]) => [
    `inputs.${name}`,
    inputs[name] ?? evaluated(value, { 'github.run_id': '4711' }),
  ]);
  const context: Record<string, string> = Object.fromEntries(given);
  let [said, code] = ['', 0];
  const seen: Record<string, NodeJS.ProcessEnv> = {};
  for (const { name, id, env: own, run } of action.runs.steps) {
    const script = join(temp, `${id}.sh`);
    const output = join(temp, `${id}.out`);
    writeFileSync(script, evaluated(run, context));
    writeFileSync(output, '');
    const stepEnv: NodeJS.ProcessEnv = {
      PATH: process.env.PATH,
      HOME: temp,
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'ada',
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: join(temp, 'summary.md'),
      RUNNER_TEMP: temp,
      ...env,
      ...Object.fromEntries(Object.entries(own).map(([key, value]) => [key, evaluated(value, context)])),
    };
    seen[name] = stepEnv;
    const child = spawn('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', script], {
      cwd: temp,
      env: stepEnv,
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    [code] = (await once(child, 'close')) as [number];
    for (const [key, value] of Object.entries(outputsIn(output))) context[`steps.${id}.outputs.${key}`] = value;
    if (code !== 0) break;
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, evaluated(value, context)]);
  return { code, said, temp, seen, outputs: Object.fromEntries(outputs) as Record<string, string> };
}

describe('action.yml', () => {
  test('keeps the key for Temporal from the step that fetches', async () => {
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_API_KEY: 'the-key' };
    const { seen } = await runAction({ sha: '4c1d56e', package: join(folder, 'none.tgz') }, env);
    expect(seen.Fetch?.TEMPORAL_API_KEY).toBe('');
    expect(Object.keys(seen)).toEqual(['Fetch']);
  });

  test.each([
    ['none, for anyone may publish one under its name', {}],
    ['an option of npm', { package: '--workspaces' }],
  ])(
    'fetches no package unless it is named: %s',
    async (_what, inputs) => {
      const { code, said, seen } = await runAction({ sha: '4c1d56e', ...inputs }, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
      expect({ code, said }).toEqual({ code: 2, said: '::error::invalid package: expected the path of a tarball\n' });
      expect(Object.keys(seen)).toEqual(['Fetch']);
    },
    60_000,
  );

  test('puts nothing of an input into a script, installs nothing, and says what each input is', () => {
    expect(action.runs.using).toBe('composite');
    for (const { run, shell } of action.runs.steps) {
      expect(shell).toBe('bash');
      expect(run).not.toContain('${' + '{');
      expect(run).not.toMatch(/npm (?:ci|install|i|exec|run)\b|npx/);
    }
    for (const { description } of [...Object.values(action.inputs), ...Object.values(action.outputs)])
      expect(description).toMatch(/\.$/);
  });

  test.skipIf(lacksZizmor)('zizmor finds nothing of medium severity or more (skipped without it)', () => {
    const project = join(folder, 'project');
    mkdirSync(project);
    copyFileSync(join(repositoryRoot, 'action.yml'), join(project, 'action.yml'));
    expect(zizmor(project)).toMatchObject({ status: 0 });
    // It reads the file: an input in a script is found.
    const bad = text.replace('exec node', 'echo ${' + '{ inputs.sha }}\n        exec node');
    writeFileSync(join(project, 'action.yml'), bad);
    expect(zizmor(project)).toMatchObject({ said: expect.stringContaining('template-injection') });
  });
});

fullDescribe('action.yml', () => {
  const gate = useGate('action', () => ({}));
  let tarball: string;
  beforeAll(() => {
    execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: repositoryRoot, stdio: 'pipe' });
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
  }, 120_000);
  const release = (sha: string, more: Record<string, string> = {}) =>
    runAction({ sha, package: tarball, ...more }, { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: 'action' });

  test('releases a build, waits for it, and hands on what became of it', async () => {
    await gate().begin(newSha());
    const { sha, digests } = await gate().greenBuild();
    const { code, outputs, temp, said } = await release(sha);
    expect({ code, outputs, said }).toMatchObject({ code: 0, outputs: { sha, ran: 'true', outcome: 'promoted' } });
    expect(await gate().latest()).toEqual(digests);
    expect(readFileSync(join(temp, 'summary.md'), 'utf8')).toContain(sha.slice(0, 7));
    // Unpacked, and nothing installed beside it.
    const [unpacked = ''] = readdirSync(temp).filter((name) => name.startsWith('canary-'));
    expect(readdirSync(join(temp, unpacked)).sort()).toEqual([
      'canary-release-gate-canary-0.1.0.tgz',
      'name',
      'package',
    ]);
  }, 120_000);

  test('fails with the exit code of the command, and still hands on the outcome', async () => {
    const { code, outputs } = await release(newSha());
    expect({ code, outputs }).toMatchObject({ code: 4, outputs: { outcome: 'BuildNotFound' } });
  }, 120_000);

  test('starts a release and does not wait for it, if it should not', async () => {
    const { sha, digests } = await gate().greenBuild();
    const { code, outputs } = await release(sha, { wait: 'false' });
    expect({ code, outcome: outputs.outcome }).toEqual({ code: 0, outcome: '' });
    await gate()
      .client.workflow.getHandle(`action-canary-release-${sha.slice(0, 7)}`)
      .result();
    expect(await gate().latest()).toEqual(digests);
  }, 120_000);

  test.each([
    ['a sha that is a command', { sha: '4c1d56e; touch pwned' }],
    ['a sha that is an option', { sha: '--force' }],
    ['a sha of two lines', { sha: '4c1d56e\noutcome=promoted' }],
    ['a wait that is neither', { wait: 'yes' }],
    ['an interrupt that is neither', { 'abort-on-interrupt': '$(touch pwned)' }],
  ])(
    'refuses %s before anything is started',
    async (_what, inputs) => {
      const { code, outputs, temp, said } = await release('4c1d56e', inputs);
      expect({ code, outputs }).toEqual({ code: 2, outputs: { sha: '', ran: '', outcome: '' } });
      expect(said).toContain('::error::invalid');
      expect(readdirSync(temp)).not.toContain('pwned');
    },
    120_000,
  );
});
