import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { releaseId, rollbackId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd, findRun } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { DELETION_MS, until } from '../support/until.js';

const gate = useGate('cli-report');
const canary = (args: string[], env = {}) => run(args, { CANARY_LANE: 'cli-report', ...env });
const onTerminal = (args: string[]) => run(args, { CANARY_LANE: 'cli-report' }, undefined, true);

describe('canary report', () => {
  const [old, first, second] = [newSha(), newSha(), newSha()];
  beforeAll(async () => {
    await gate().begin(old);
    for (const sha of [first, second]) {
      await gate().publish(sha);
      gate().deploy({ sha });
      await awaitRunEnd(await gate().release({ sha, requestedBy: 'ada' }));
    }
  });

  test('prints a promotion with the build that was live before, the time of each phase, and the rollback command', async () => {
    const { code, out } = await canary(['report', second], { CANARY_UI_URL: 'http://127.0.0.1:8233' });
    expect(code).toBe(0);
    const text = out.join('\n');
    expect(text).toMatch(/^## Canary verified — :latest promoted\n/);
    expect(text).toContain(`CANARY_LANE=cli-report canary rollback ${first} --reason "…"`);
    expect(text).toMatch(/\| soaking \| [-0-9: ]+ \| \d+s \|/);
    expect(text).toContain(`/workflows/cli-report-canary-release-${second.slice(0, 7)}/`);
    for (const { url } of gate().tenants) expect(text).not.toContain(url.replace('http://', ''));
  });

  test('writes a page with every phase that the run went through, and nothing else to the screen', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-page-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'release.html');
    expect(await canary(['report', second, '--html', file])).toMatchObject({
      code: 0,
      out: [`wrote ${file}`],
      err: [],
    });
    const page = readFileSync(file, 'utf8');
    for (const phase of ['queued', 'awaiting-canary', 'soaking', 'smoking', 'promoting'])
      expect(page).toContain(`aria-label="${phase}, `);
    expect(page).toContain(':latest is on this build');
    for (const { url } of gate().tenants) expect(page).not.toContain(url.replace('http://', ''));
    const nowhere = await canary(['report', second, '--html', join(folder, 'none', 'release.html')]);
    expect(nowhere).toMatchObject({ code: 2, err: [expect.stringContaining('--html: ENOENT')] });
  });

  test('prints a RED build with its failing checks; the answers on a terminal, and in its status', async () => {
    const sha = newSha();
    await gate().publish(sha);
    gate().deploy({ sha, misbehave: 'memory-search' });
    await awaitRunEnd(await gate().release({ sha }));
    const piped = (await canary(['report', sha])).out.join('\n');
    expect(piped).toMatch(/^## Canary smoke FAILED\n/);
    expect(piped).toMatch(/- \*\*canary-1\*\*: \*\*memory search finds the probe\*\* — status 200, schema path `\$/);
    const got = /got(?:: | {6})`?(.*?)`?$/;
    const shown = (await onTerminal(['report', sha])).out.join('\n').match(new RegExp(got, 'm'))?.[1] ?? '';
    expect(shown).not.toBe('');
    expect(piped).not.toContain(shown);
    const { out } = await canary(['status', sha]);
    expect(out[1]).toBe('  canary-1 fail: memory search finds the probe');
    expect(out[3]?.match(got)?.[1]).toBe(shown);
  });

  test('of a build with a release and a rollback prints the latest, and the other on request', async () => {
    await awaitRunEnd(await gate().rollback({ sha: first, reason: 'search is slow', requestedBy: 'bob' }));
    expect((await canary(['report', first])).out[0]).toMatch(/^## Rolled back — :latest is on staging-/);
    expect((await canary(['report', first, '--release'])).out[0]).toMatch(/^## Canary verified/);
    const { out } = await canary(['report', first, '--rollback', '-o', 'json']);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ kind: 'rollback', outcome: 'rolled-back', before: second });
  });

  test('postmortem has the facts of the rollback and of the promotion before it, and leaves the questions open', async () => {
    const { code, out } = await canary(['postmortem', first]);
    expect(code).toBe(0);
    const text = out.join('\n');
    expect(text).toMatch(new RegExp(`^# Post-mortem: \`${second}\` was rolled back to \`${first}\`\n`));
    expect(text).toContain('- **Reason given**: search is slow');
    expect(text).toMatch(
      /\| its release started \| ada \|\n.*\| promoted: all green \|.*\n.*\| rollback requested \| bob \|/,
    );
    expect(text).toMatch(/\| canary-1 \| ✓ \| ✓ \|/);
    expect(text).toContain('- [ ] **OPEN** Why did canary not catch it?');
    expect(text).toContain('- [ ] **OPEN** Should the smoke suite grow a check');
  });

  test('postmortem of a rollback that moved nothing is refused', async () => {
    const sha = newSha();
    await awaitRunEnd(await gate().rollback({ sha, reason: 'a slip of the pen' }));
    const { code, err } = await canary(['postmortem', sha]);
    const short = sha.slice(0, 7);
    expect({ code, err }).toEqual({
      code: 2,
      err: [`canary: cli-report-rollback-${short} moved nothing (BuildNotFound): canary report ${sha} --rollback`],
    });
  });

  test('a run that found its own build at :latest names no build to go back to', async () => {
    await awaitRunEnd(await gate().rollback({ sha: first, reason: 'once more' }));
    const { out } = await canary(['report', first, '--rollback', '--json']);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ outcome: 'already', before: null });
  });

  test('postmortem skips a repeated rollback that moved nothing, and reports that', async () => {
    const short = first.slice(0, 7);
    const { code, out, err } = await canary(['postmortem', first]);
    expect({ code, err }).toEqual({
      code: 0,
      err: [
        expect.stringMatching(
          `^the latest run of cli-report-rollback-${short} moved nothing \\(already\\): this is the one that ended \\d{4}-`,
        ),
      ],
    });
    expect(out.join('\n')).toMatch(new RegExp(`^# Post-mortem: \`${second}\` was rolled back to \`${first}\`\n`));
    expect(out.join('\n')).toContain('- **Reason given**: search is slow');
  });

  test('prints what Temporal records of a terminated run, without a worker', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const handle = await gate().release({ sha, requestedBy: 'ada' });
    const { out } = await canary(['report', sha]);
    expect(out[0]).toMatch(/^## Canary running — /);
    await handle.terminate('https://canary-1.example.com is gone');
    await gate().stopWorker();
    const text = (await canary(['report', sha])).out.join('\n');
    await gate().startWorker();
    expect(text).toMatch(
      /^## ⚠️ The release was TERMINATED\n\nThe run was terminated in Temporal: \(address\) is gone\n/,
    );
    expect(text).toContain('requested by ada');
  });

  test('of a build that no run moved, status and report answer from the ledger, and postmortem is refused', async () => {
    const was = `${old} was live from `;
    const status = await canary(['status', old]);
    expect(status).toMatchObject({ code: 0, err: [] });
    expect([status.out[0], status.out[3]]).toEqual([
      expect.stringMatching(`^${was}`),
      expect.stringMatching(/^ {2}adopted by the test at .*: as it should be$/),
    ]);
    expect((await canary(['report', old])).out[0]).toMatch(`## ${was}`);
    expect(JSON.parse((await canary(['status', old, '--json'])).out.join())).toMatchObject({ sha: old, run: null });
    expect(await canary(['report', old, '--rollback'])).toMatchObject({ code: 2 });
    expect(await canary(['postmortem', old])).toMatchObject({ code: 2 });
  });

  fullTest(
    'of a build whose runs are gone, status, report and postmortem answer from the ledger',
    async () => {
      const { client, lane } = gate();
      await gate().replay();
      for (const workflowId of [releaseId, rollbackId].map((idOf) => idOf(lane, parseSha(first)))) {
        const { namespace } = client.options;
        // Each of its runs.
        for (let run = await findRun(client, workflowId); run; run = await findRun(client, workflowId)) {
          const { runId } = run;
          await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } });
          await until('it is gone', async () => (await findRun(client, workflowId, runId)) === null, DELETION_MS);
        }
      }
      const status = await canary(['status', first]);
      expect(status).toMatchObject({ code: 0, err: [] });
      expect(status.out[0]).toMatch(new RegExp(`^${first} is live since 20.* UTC$`));
      expect(status.out.join('\n')).toMatch(
        /\n {2}rolled back to it by bob at .*: search is slow\n {2}Temporal has no run of it: /,
      );
      const report = await canary(['report', first, '--release']);
      expect(report).toMatchObject({ code: 0, err: [] });
      expect(report.out.join('\n')).toMatch(
        new RegExp(`^## ${first} was live from .*\n\n- promoted by ada at .*\n- then promoted ${second} by ada`),
      );
      const [json = ''] = (await canary(['report', first, '-o', 'json'])).out;
      expect(JSON.parse(json)).toMatchObject({ sha: first, run: null, replacedBy: null, move: { kind: 'rollback' } });
      const draft = await canary(['postmortem', first]);
      expect(draft).toMatchObject({ code: 4, out: [] });
      expect(draft.err).toEqual([
        expect.stringMatching(
          new RegExp(`^canary: no post-mortem can be drafted: ${first} is live since .*; rolled back to it by bob at`),
        ),
      ]);
    },
    2 * DELETION_MS,
  );

  test('of a build without a run is a usage error', async () => {
    const { code, err } = await canary(['report', '4c1d56e']);
    expect({ code, err }).toEqual({
      code: 2,
      err: ['canary: no run cli-report-canary-release-4c1d56e or cli-report-rollback-4c1d56e (canary status)'],
    });
  });
});
