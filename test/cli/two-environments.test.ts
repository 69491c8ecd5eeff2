import { expect, test } from 'vitest';
import { parseLane, releaseId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseReleaseInput } from '../../src/domain/inputs.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startRelease } from '../../src/temporal/start.js';
import { canary } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { type Gate, useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

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
    const live = newSha();
    await gate.begin(live);
    const { sha } = await gate.greenBuild();
    const handle = await gate.release({ sha, approval: 'required' });
    held.push({ gate, live, sha, handle });
  }
  for (const { gate, handle } of held) await heldFor(gate, handle, 'approval');
  const texts = await Promise.all(held.map(({ gate }) => told(gate)));
  held.forEach(({ gate, live, sha }, index) => {
    const [own = '', other = ''] = index === 0 ? texts : [...texts].reverse();
    for (const word of [sha, live, releaseId(gate.lane, parseSha(sha)), `${gate.host}/${gate.lane}/platform`]) {
      expect(own).toContain(word);
      expect(other).not.toContain(word);
    }
  });
  for (const { handle } of held) {
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  }
});

test('of two gates of one file, pay and pay-2, the status of one shows no run of the other', async () => {
  const { client } = production();
  const begin = (name: string, sha: string) =>
    startRelease(client, parseLane(`twins.${name}`), parseReleaseInput({ sha }));
  const gates = ['pay', 'pay-2'].map((name) => ({ name, sha: newSha() }));
  const handles = await Promise.all(gates.map(({ name, sha }) => begin(name, sha)));
  const env = { CANARY_LANE: 'twins' };
  const status = async (name: string) => (await canary(['--gate', name, 'status'], env)).out.join('\n');
  for (const { name, sha } of gates)
    await until(`${name} is listed`, async () =>
      (await status(name)).includes(`twins.${name}-canary-release-${sha.slice(0, 7)}`),
    );
  expect(await status('pay')).not.toContain('pay-2');
  for (const handle of handles) await handle.terminate('by the test');
});
