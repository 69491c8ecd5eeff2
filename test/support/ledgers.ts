import { type Digest, parseRepository } from '../../src/contract/image.js';
import type { Ledger } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { keyOf, record } from '../../src/lane/ledger.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import type { Keeper } from '../../src/ledger/store.js';
import type { Registry } from '../../src/registry/context.js';
import type { Gate } from './gate.js';

/** Who keeps the copy of the ledger of a gate, without a key. */
export function keeperOf({ host, lane, repositories: [name] }: Gate, registry: Registry): Keeper {
  return { registry, lane, repository: parseRepository(`${host}/${name}`), keys: null };
}

/** Ledger of a lane that rolled back from a build, which is all that is left of it. */
export async function ledgerWithBad(gate: Gate, old: string, bad: string): Promise<Ledger> {
  const state = emptyLane();
  for (const [at, sha] of [parseSha(old), parseSha(bad)].entries()) {
    const digests = await gate.publish(sha);
    const images = gate.repositories.map((name, index) => ({
      repository: parseRepository(`${gate.host}/${name}`),
      digest: digests[index] as Digest,
    }));
    keyOf(state.ledger, sha);
    const time = new Date(at).toISOString();
    record(state.ledger, { sha, kind: 'promotion', at: time, by: 'ada', reason: 'green', images });
    state.ledger.expectedLatest = { images, at: at + 1 };
  }
  const run = { workflowId: 'rollback-x', runId: 'y' };
  beginRollback(state, { ...run, sha: parseSha(old), force: false, by: 'ada', reason: 'it burns' }, Date.now());
  state.ledger.hold = null;
  return state.ledger;
}
