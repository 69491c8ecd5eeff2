import { expect, test } from 'vitest';
import { releaseId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { type Gate, useGate } from '../support/gate.js';
import { adopted } from '../support/lanes.js';
import { newSha } from '../support/shas.js';

const options = () => ({ env: { CANARY_HOLD_TIMEOUT: '60s' } });
/** The ids of the second begin with those of the first. */
const production = useGate('twin', options);
const staging = useGate('twin-canary', options);

/** All that the commands tell of one environment. */
async function told(gate: Gate): Promise<string> {
  const results = await Promise.all(
    [['status'], ['queue'], ['history'], ['doctor']].map((args) => canary(args, gate.env)),
  );
  return results.flatMap(({ out, err }) => [...out, ...err]).join('\n');
}

test('two environments in one namespace, each with a release: no command of one shows anything of the other', async () => {
  const held = [];
  for (const gate of [production(), staging()]) {
    await gate.begin(newSha());
    const live = await adopted(gate);
    const { sha } = await gate.greenBuild();
    const handle = await gate.release({ sha, approval: 'required' });
    held.push({ gate, live, sha, handle });
  }
  for (const { gate, handle } of held) await heldFor(gate, handle, 'approval');
  const texts = await Promise.all(held.map(({ gate }) => told(gate)));
  held.forEach(({ gate, live, sha }, index) => {
    const [own = '', other = ''] = index === 0 ? texts : [...texts].reverse();
    for (const word of [sha, live.sha, releaseId(gate.lane, parseSha(sha)), `${gate.host}/${gate.lane}/platform`]) {
      expect(own).toContain(word);
      expect(other).not.toContain(word);
    }
  });
  for (const { handle } of held) {
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  }
});
