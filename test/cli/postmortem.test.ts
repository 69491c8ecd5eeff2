import { beforeAll, expect } from 'vitest';
import type { WatchReport } from '../../src/contract/tenants/production.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { Tenant } from '../../testbed/tenant.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { startProduction, watched, watchOf } from '../support/production.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let production: Tenant[];
const gate = useGate('cli-postmortem', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex', 'initech']);
  production = tenants;
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file, CANARY_UPDATE_CYCLE: '10s' } };
});
const canary = (args: string[]) => run(args, { CANARY_LANE: 'cli-postmortem' });
const runs = (sha: string, tenants = production) => {
  for (const tenant of tenants) tenant.run({ sha });
};

let good: { sha: string; digests: string[] };
let bad: { sha: string; digests: string[] };
beforeAll(async () => {
  const old = newSha();
  await gate().begin(old);
  runs(old);
  good = await promoted(gate());
  runs(good.sha);
  await watched(gate(), good.sha);
});

/** Waits until the watch over the last move to a build has seen these tenants on it. */
async function watchSees(sha: string, tenants: Tenant[], after?: string) {
  const { handle } = await watchOf(gate(), sha, after);
  await until('the watch sees them', async () => {
    const seenTenants = (await handle.query<WatchReport>('status')).tenants.filter(({ tookAt }) => tookAt !== null);
    return tenants.every(({ name }) => seenTenants.some(({ tenant }) => tenant === name));
  });
  return handle;
}

/** Promotes a build, and lets these tenants take it before the first look of the watch: it reports the next one 15 s later. */
async function takenBy(tenants: Tenant[]) {
  // Lifts the hold of an earlier rollback.
  await gate().adopt();
  bad = await gate().greenBuild();
  runs(bad.sha, tenants);
  expect((await awaitRunEnd(await gate().release({ sha: bad.sha }))).report).toMatchObject({ outcome: 'promoted' });
  await watchSees(bad.sha, tenants);
}

/** Rolls production back, and lets these tenants go back; returns a function that ends the watch: the rest go back too. */
async function goneBack(tenants: Tenant[], rolledBack = good.sha) {
  const { runId } = await watchOf(gate(), rolledBack);
  runs(rolledBack, tenants);
  await awaitRunEnd(await gate().rollback({ sha: rolledBack, reason: 'invoice totals are wrong', requestedBy: 'bob' }));
  const watch = await watchSees(rolledBack, tenants, runId);
  return async () => {
    runs(rolledBack);
    await watch.result();
  };
}

/** Pattern with SPAN as a duration of a report: minutes on a busy machine. */
const withSpan = (pattern: string) => new RegExp(pattern.replace('SPAN', '\\d+[smh](?: \\d+[sm])?'));

const postmortem = async () => {
  const { code, out } = await canary(['postmortem', good.sha]);
  expect(code).toBe(0);
  return out.join('\n');
};

fullTest(
  'postmortem lists the production tenants that ran the bad build, for how long, and what is marked',
  async () => {
    await takenBy(production.slice(0, 2));
    const end = await goneBack(production.slice(0, 2));
    await end();
    const text = await postmortem();
    expect(text).toMatch(new RegExp(`^# Post-mortem: \`${bad.sha}\` was rolled back to \`${good.sha}\`\n`));
    expect(text).toContain(`- marked bad, and not to be promoted: \`${bad.sha}\``);
    expect(text).toMatch(withSpan('`:latest` pointed to it for SPAN\\.'));
    expect(text).toMatch(
      withSpan('\\*\\*2 of 3 tenants were seen on it\\*\\*, SPAN at the longest\\. Last status of the watch: '),
    );
    expect(text).toMatch(withSpan('\\| acme \\| [-0-9: ]{19} \\| [-0-9: ]{19} \\| SPAN \\|\n\\| globex \\| '));
    expect(text).not.toMatch(/^\| initech/m);
    expect(text).toMatch(
      /promoted: all green \|.*\n\| .* \| the first production tenant was seen on it \| {2}\|\n\| .* \| rollback requested \| bob \|\n(?:.*\n){0,2}\| .* \| the last production tenant was seen back \|/,
    );
  },
  90_000,
);

fullTest(
  'postmortem names the tenants that were not seen to go back, with the minimum time',
  async () => {
    await takenBy(production);
    const end = await goneBack(production.slice(0, 2));
    const text = await postmortem();
    await end();
    expect(text).toMatch(
      withSpan('\\*\\*3 of 3 tenants were seen on it\\*\\*, SPAN at the longest, 1 not seen to go back\\. '),
    );
    expect(text).toMatch(withSpan('\\| initech \\| [-0-9: ]{19} \\| \\*\\*not seen\\*\\* \\| SPAN or more \\|'));
    expect(text).not.toContain('the last production tenant was seen back');
  },
  90_000,
);
