import { beforeAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { tagDigest } from '../../../testbed/images.js';
import { canary } from '../../support/cli.js';
import { useGate } from '../../support/gate.js';
import { fullDescribe } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('promote-tag', () => ({ env: { CANARY_PROMOTE_TAG: 'stable', CANARY_HOLD_TIMEOUT: '5m' } }));
const OLD = newSha();
const at = (tag: string) => Promise.all(gate().repositories.map((name) => tagDigest(gate().host, name, tag)));
const images = () => gate().repositories.map((name) => `${gate().host}/${name}`);
const run = (args: string[], env: Record<string, string> = {}) => canary(args, { ...gate().env, ...env });
let old: string[];
let green: { sha: string; digests: string[] };

beforeAll(async () => {
  old = await gate().publish(OLD);
  for (const tag of ['stable', 'latest']) await gate().retag(OLD, tag);
  const adopted = images().map((repository, index) => ({ repository, digest: old[index] ?? null }));
  await gate().sendToLane('adopt', { by: 'the test', reason: 'as it is', images: adopted, sha: OLD });
  await gate().sendToLane('unhold', { by: 'the test', reason: 'as it is' });
});

fullDescribe('a gate whose production follows :stable', () => {
  test('promotes to that tag, and leaves :latest alone', async () => {
    green = await gate().greenBuild();
    const { report } = await awaitRunEnd(await gate().release({ sha: green.sha }));
    expect(report).toMatchObject({ outcome: 'promoted' });
    expect([await at('stable'), await at('latest')]).toEqual([green.digests, old]);
  });

  test('names that tag in a dry run, and rolls it back', async () => {
    const { out } = await run(['rollback', OLD, '--dry-run']);
    expect(out.slice(0, 2)).toEqual(
      images().map((image, index) => `${image}:stable would move from ${green.digests[index]} to ${old[index]}`),
    );
    const { report } = await awaitRunEnd(await gate().rollback({ sha: OLD, reason: 'it is slow' }));
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    expect([await at('stable'), await at('latest')]).toEqual([old, old]);
  });

  test('says which tag is adopted, and warns on a machine that has another one', async () => {
    const adopt = (tag: string) => run(['lane', 'adopt', '--reason', 'as it is', '--yes'], { CANARY_PROMOTE_TAG: tag });
    const away = await adopt('latest');
    expect(away.err).toContain(
      'warning: by the copy of the ledger production follows :stable, here CANARY_PROMOTE_TAG is latest',
    );
    const { err } = await adopt('stable');
    expect(err.slice(0, 2)).toEqual(images().map((image, index) => `  ${image}:stable ${old[index]}`));
    expect(err.join()).not.toContain('warning');
  });

  test('a machine with another tag does not roll back past Temporal, for the copy of the ledger has this one', async () => {
    const away = { TEMPORAL_ADDRESS: '127.0.0.1:1', CANARY_PROMOTE_TAG: 'latest' };
    const { code, err } = await run(['rollback', green.sha, '--direct', '--reason', 'it burns', '--yes'], away);
    expect(err.at(-1)).toMatch(
      /the ledger production follows :stable, here CANARY_PROMOTE_TAG is latest.*nothing was moved/,
    );
    expect(code).toBe(1);
    expect(await at('latest')).toEqual(old);
  });
});
