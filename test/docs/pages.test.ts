import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GOOD, SPARE } from '../../demo/builds.js';
import { repositoryRoot, tool } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { rows } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const PAGES = execFileSync('git', ['ls-files', '*.md'], { cwd: repositoryRoot, encoding: 'utf8' }).trim().split('\n');
const textOf = (page: string) => readFileSync(join(repositoryRoot, page), 'utf8');

interface Block {
  page: string;
  line: number;
  script: string;
  /** Why it cannot be run here. */
  reason: string | undefined;
  /** What it is run with beside the world of the demo: the situation that its page is about. */
  env: NodeJS.Dict<string>;
}

/** Every block of shell commands, with the comment above it that says why it is not run, or with what. */
function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return [...text.matchAll(/(?:<!-- (not run|run with): ([^\n]+) -->\n *)?```sh\n(.*?)```/gs)].map(
    ({ index, 1: mark, 2: said = '', 3: script = '' }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      script,
      reason: mark === 'not run' ? said : undefined,
      env: mark === 'run with' ? parseEnv(said) : {},
    }),
  );
}

const blocks = PAGES.flatMap(blocksOf);
/** A block is up to seven processes from cold, one after the other, each of them seconds on a machine that is busy. */
const BLOCK_MS = 180_000;

describe('every block of shell commands in README and docs', () => {
  const gate = useGate('pages', () => ({ env: { CANARY_HOLD_TIMEOUT: '72h' } }));
  const shims = mkdtempSync(join(tmpdir(), 'canary-pages-'));
  beforeAll(async () => {
    writeFileSync(
      join(shims, 'canary'),
      `#!/bin/sh\nexec "${process.execPath}" "${repositoryRoot}/bin/canary.js" "$@"\n`,
      { mode: 0o755 },
    );
    // The demo's builds: the pages name them.
    await gate().begin(newSha());
    await Promise.all([GOOD, SPARE].map(({ sha }) => gate().publish(sha)));
    // Live before: the pages go back to it.
    await gate().setLatest(GOOD.sha);
    gate().deploy({ sha: SPARE.sha });
  });
  afterAll(() => rmSync(shims, { recursive: true, force: true }));

  // Each page stands for itself: what the one before rolled back is good again.
  beforeEach(async () => {
    for (const { sha } of [GOOD, SPARE])
      await gate().sendToLane('unbad', { sha, by: 'the test', reason: 'another page' });
    await gate().adopt();
  });

  const run = blocks.filter(({ reason }) => reason === undefined);
  test.each(
    rows(
      run,
      run.filter(({ page }) => page === 'README.md'),
    ),
  )(
    '$page, line $line, does what it says',
    async ({ script, env }) => {
      const told = await until('nothing is asked for too early', () => runBlock(script, env), BLOCK_MS / 2);
      expect(told).toEqual({ status: 0, said: '' });
    },
    BLOCK_MS,
  );

  /** What it said when it failed; null when it only came too early, which anyone who types it tries again. */
  async function runBlock(script: string, env: NodeJS.Dict<string>) {
    // Not synchronously: the tenants that it asks live in this process.
    // The gate of this test stands for the demo.
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', script.replaceAll('canary.js --demo ', 'canary.js ')], {
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: [shims, dirname(tool('temporal')?.path ?? ''), process.env.PATH].join(delimiter),
        HOME: process.env.HOME,
        TEMPORAL_ADDRESS: temporalAddress(),
        // As a job in GitHub has it.
        SHA: SPARE.sha,
        GITHUB_RUN_ID: '7',
        ...gate().env,
        ...env,
      },
    });
    let said = '';
    for (const stream of [shell.stdout, shell.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
      });
    const [status] = await once(shell, 'close');
    if (said.includes('approve refused: the release is not held')) return null;
    return { status, said: status === 0 ? '' : said };
  }

  test('that is not run says why', () => {
    const silent = blocks.filter(({ reason }) => reason !== undefined && reason.length < 8);
    expect(silent).toEqual([]);
    expect(blocks.length).toBeGreaterThan(5);
  });
});

test.each(PAGES)('%s links to what is there', (page) => {
  const gone = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(repositoryRoot, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
  expect(gone).toEqual([]);
});

/** As GitHub makes them of headings. */
const anchorsOf = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
