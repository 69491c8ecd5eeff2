import { beforeAll, beforeEach, expect, test } from 'vitest';
import { parseSha } from '../../src/domain/sha.js';
import { laneClient } from '../../src/temporal/lane-client.js';
import { runEnd } from '../../src/temporal/runs.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

const gate = useGate('lane');
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(() => gate().setLatest(OLD));

test.each(['authorize-move', 'report-move', 'begin-rollback'])(
  'what no run would say as %s is refused in words, and the lane goes on',
  async (name) => {
    const lane = laneClient(gate().client, gate().lane);
    const run = { workflowId: 'x', runId: 'no-run-id', sha: OLD, by: 'ada', reason: 'looked at it' };
    for (const sent of [
      'what?',
      run,
      { parent: run, moverRunId: 'm', latest: [], images: [] },
      null,
      { parent: {}, input: { kind: 'promotion' }, latest: [null] },
    ])
      await expect(lane.update(name, sent)).rejects.toThrow(/^not understood: /);
    expect(await lane.state()).not.toBeNull();
  },
);

test('an ask in the name of a run that cannot be is not heard: nobody could see it end', async () => {
  await gate().laneClient.ask({ workflowId: 'x', runId: 'no-run-id', sha: parseSha(newSha()) });
  const { sha } = await gate().greenBuild();
  expect((await runEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });
});
