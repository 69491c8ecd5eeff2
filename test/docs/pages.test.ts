import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

const PAGES = execFileSync('git', ['ls-files', '*.md'], { cwd: repositoryRoot, encoding: 'utf8' }).trim().split('\n');
const textOf = (page: string) => readFileSync(join(repositoryRoot, page), 'utf8');

interface Block {
  page: string;
  line: number;
  script: string;
  /** Why it cannot be run here. */
  reason: string | undefined;
}

/** Every block of shell commands, with the comment above it that says why it is not run. */
function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return [...text.matchAll(/(?:<!-- not run: ([^\n]+) -->\n)?```sh\n(.*?)```/gs)].map(
    ({ index, 1: reason, 2: script = '' }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      script,
      reason,
    }),
  );
}

const blocks = PAGES.flatMap(blocksOf);

describe('every block of shell commands in README and docs', () => {
  const gate = useGate('pages');
  const shims = mkdtempSync(join(tmpdir(), 'canary-pages-'));
  beforeAll(async () => {
    writeFileSync(
      join(shims, 'canary'),
      `#!/bin/sh\nexec "${process.execPath}" "${repositoryRoot}/bin/canary.js" "$@"\n`,
      { mode: 0o755 },
    );
    const sha = newSha();
    await gate().begin(sha);
    gate().deploy({ sha });
  });
  afterAll(() => rmSync(shims, { recursive: true, force: true }));

  test.each(blocks.filter(({ reason }) => reason === undefined))(
    '$page, line $line, does what it says',
    async ({ script }) => {
      // Not synchronously: the tenants that it asks live in this process.
      const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: repositoryRoot,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: `${shims}${delimiter}${process.env.PATH}`,
          HOME: process.env.HOME,
          TEMPORAL_ADDRESS: inject('temporal'),
          ...gate().env,
        },
      });
      let said = '';
      for (const stream of [shell.stdout, shell.stderr])
        stream.on('data', (chunk) => {
          said += chunk;
        });
      const [status] = await once(shell, 'close');
      expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' });
    },
  );

  test('that is not run says why', () => {
    const silent = blocks.filter(({ reason }) => reason !== undefined && reason.length < 8);
    expect(silent).toEqual([]);
    expect(blocks.length).toBeGreaterThan(5);
  });
});

test.each(PAGES)('%s links to what is there', (page) => {
  const gone = [...textOf(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(repositoryRoot, dirname(page), target)));
  expect(gone).toEqual([]);
});
