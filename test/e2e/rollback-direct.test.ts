import { afterAll, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { laneState, makeLaneSettled, promoted } from '../support/lanes.js';
import { useOwnServer } from '../support/own-server.js';
import { PATIENT } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';

const registry = await startMemoryRegistry();
const server = useOwnServer();
afterAll(() => registry.stop());

const gate = useGate('direct', () => ({ registry: registry.host, temporal: server.address(), env: PATIENT }));

const rollback = (sha: string, ...more: string[]) =>
  run(['rollback', sha, '--reason', 'it burns', '--by', 'ada', '--json', ...more], {
    TEMPORAL_ADDRESS: server.address(),
    CANARY_LANE: 'direct',
    CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '',
  });

fullTest(
  'rollback --direct while the server is down: after the server returns the next release is held, and a plain rollback marks the build and holds the lane',
  async () => {
    const old = newSha();
    const digests = await gate().begin(old);
    const live = await promoted(gate());
    await makeLaneSettled(gate());

    await server.kill();
    const direct = await rollback(old, '--direct');
    expect({ code: direct.code, outcome: JSON.parse(direct.out[0] ?? '{}').outcome }).toEqual({
      code: 0,
      outcome: 'rolled-back',
    });
    expect(await gate().latest()).toEqual(digests);
    await server.startAgain();

    // The lane does not know of the direct rollback.
    const next = await gate().greenBuild();
    const held = await gate().release({ sha: next.sha });
    const { why } = await heldFor(gate(), held, 'latest-moved', 60_000);
    expect(why).toContain(digests[0]);
    expect((await laneState(gate())).ledger.knownBad).toEqual([]);

    const plain = await rollback(old);
    expect({ code: plain.code, outcome: JSON.parse(plain.out[0] ?? '{}').outcome }).toEqual({
      code: 0,
      outcome: 'already',
    });
    expect((await awaitRunEnd(held)).report).toMatchObject({ outcome: 'CanaryAborted' });
    const { knownBad, hold } = (await laneState(gate())).ledger;
    expect(knownBad).toMatchObject([{ sha: live.sha, by: 'ada', reason: 'it burns' }]);
    expect(hold).toMatchObject({ name: 'after-rollback', by: 'ada' });

    const printed = (
      await run(['postmortem', old], { TEMPORAL_ADDRESS: server.address(), CANARY_LANE: 'direct' })
    ).out.join('\n');
    expect(printed).toContain(`# Post-mortem: \`${live.sha}\` was rolled back to \`${old}\``);
    expect(printed).toContain('- `:latest` had left it before this rollback started: `--direct`, or by hand');
    expect(printed).toContain(`- marked bad, and not to be promoted: \`${live.sha}\``);

    // From here on everything is as after any rollback.
    const again = await gate().greenBuild();
    const fixed = await gate().release({ sha: again.sha });
    const { id } = await heldFor(gate(), fixed, 'after-rollback');
    await say(fixed, 'approve', { ...ada, hold: id });
    expect((await awaitRunEnd(fixed)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(again.digests);
  },
  120_000,
);
