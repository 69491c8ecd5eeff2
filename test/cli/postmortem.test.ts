import { beforeAll, expect, test } from 'vitest';
import type { WatchReport } from '../../src/domain/production.js';
import { runEnd } from '../../src/temporal/runs.js';
import type { Tenant } from '../../testbed/tenant.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { startProduction, watched, watchOf } from '../support/production.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let production: Tenant[];
const gate = useGate('cli-postmortem', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex', 'initech']);
  production = tenants;
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file, CANARY_UPDATE_CYCLE: '1s' } };
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

/** A build goes live, and production takes it in part. */
async function takenBy(tenants: Tenant[]) {
  // What was rolled back before holds nothing any more.
  await gate().adopt();
  bad = await promoted(gate());
  runs(bad.sha, tenants);
  const { handle } = await watchOf(gate(), bad.sha);
  await until('it is seen there', async () => {
    const seen = (await handle.query<WatchReport>('status')).tenants.filter(({ tookAt }) => tookAt !== null);
    return seen.length === tenants.length;
  });
}

/** Production is rolled back, and goes back in part. */
async function goneBack(tenants: Tenant[], rolledBack = good.sha) {
  const { runId } = await watchOf(gate(), rolledBack);
  runs(rolledBack, tenants);
  await runEnd(await gate().rollback({ sha: rolledBack, reason: 'invoice totals are wrong', requestedBy: 'bob' }));
  await (await watchOf(gate(), rolledBack, runId)).handle.result();
}

const postmortem = async () => {
  const { code, out } = await canary(['postmortem', good.sha]);
  expect(code).toBe(0);
  return out.join('\n');
};

test('postmortem tells how many production tenants ran the bad build, which, and for how long, and what is marked', async () => {
  await takenBy(production.slice(0, 2));
  await goneBack(production.slice(0, 2));
  const text = await postmortem();
  expect(text).toMatch(new RegExp(`^# Post-mortem: \`${bad.sha}\` was rolled back to \`${good.sha}\`\n`));
  expect(text).toContain(`- marked bad, and not to be promoted: \`${bad.sha}\``);
  expect(text).toMatch(/`:latest` stood on it for \d+s\./);
  expect(text).toMatch(/\*\*2 of 3 tenants were seen on it\*\*, \d+s at the longest\. Last word of the watch: /);
  expect(text).toMatch(/\| acme \| [-0-9: ]{19} \| [-0-9: ]{19} \| \d+s \|\n\| globex \| /);
  expect(text).not.toMatch(/^\| initech/m);
  expect(text).toMatch(
    /promoted: all green \|.*\n\| .* \| the first production tenant was seen on it \| {2}\|\n\| .* \| rollback asked for \| bob \|\n(?:.*\n){0,2}\| .* \| the last production tenant was seen back \|/,
  );
});

test('postmortem names those that were not seen to go back, and for how long at the least', async () => {
  await takenBy(production);
  await goneBack(production.slice(0, 2));
  const text = await postmortem();
  expect(text).toMatch(/\*\*3 of 3 tenants were seen on it\*\*, \d+s at the longest, 1 not seen to go back\. /);
  expect(text).toMatch(/\| initech \| [-0-9: ]{19} \| \*\*not seen\*\* \| \d+s or more \|/);
  expect(text).not.toContain('the last production tenant was seen back');
});
