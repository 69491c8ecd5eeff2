import { expect, test } from 'vitest';
import { parseSha } from '../../../src/contract/sha.js';
import { keepLedger, readCopy } from '../../../src/ledger/store.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import type { Fault } from '../../../testbed/memory-registry.js';
import { ada } from '../../support/decisions.js';
import { logged, useGate } from '../../support/gate.js';
import { adopted, copyKept, laneState, promoted, startLane } from '../../support/lanes.js';
import { keeperOf, ledgerWithBad } from '../../support/ledgers.js';
import { openRegistry } from '../../support/open-registry.js';
import { PATIENT } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;
const { server: registry, registry: client } = await openRegistry();
const gate = useGate('lane-copy', () => ({ registry: registry.host, env: PATIENT }));

const keeper = () => keeperOf(gate(), client);
const endOf = async (sha: string) => (await awaitRunEnd(await gate().release({ sha }))).report;
const alarms = () => logged.filter(({ message, meta }) => message === 'alarm' && meta?.alarm === 'ledger-not-kept');

fullTest(
  'a lane of which Temporal has nothing begins with the copy in the registry: a known-bad build stays refused, and so does what nothing dates',
  async () => {
    const [old, bad] = [newSha(), newSha()];
    const ledger = await ledgerWithBad(gate(), old, bad);
    await gate().retag(old, 'latest');
    await keepLedger(keeper(), ledger);
    await startLane(gate());
    const known = (await laneState(gate())).ledger;
    expect(known).toMatchObject({
      hold: { name: 'not-recovered', why: expect.stringContaining('in the registry, which no one signed') },
      knownBad: [{ sha: bad, by: '(in its run)' }],
      lost: { seen: 2, upTo: null },
    });
    expect(known.history.map(({ sha }) => sha)).toEqual([old, bad]);
    expect(await endOf(bad)).toMatchObject({ outcome: 'CanaryBuildBad' });
    const next = await gate().greenBuild();
    expect(await endOf(next.sha)).toMatchObject({
      outcome: 'ConfigInvalid',
      why: expect.stringContaining('a part of the ledger was lost'),
    });
    expect(await gate().latest()).toEqual(known.history[0]?.images.map(({ digest }) => digest));
    await gate().adoptAlone();
    await gate().sendToLane('sequence', { ...ada, sequence: 0 });
    expect(await endOf(bad)).toMatchObject({ outcome: 'CanaryBuildBad' });
  },
);

test('each move is followed by a copy; one that cannot be written delays no release, raises one alarm, and the next move writes one', async () => {
  const kept = () =>
    until('the copy is that of the last move', async () => {
      const { expectedLatest } = (await laneState(gate())).ledger;
      const copy = await readCopy(keeper());
      return copy?.generation === expectedLatest?.at ? copy : null;
    });
  await adopted(gate());
  const { newestPromoted, order } = (await laneState(gate())).ledger;
  expect(await kept()).toMatchObject({ ledger: { newestPromoted, order } });

  const isCopy: Fault['match'] = ({ method, path }) =>
    method === 'PUT' && path.endsWith(`canary-ledger-${gate().lane}`);
  // A copy that is slow to be written arrives after that of the next move, and is written again.
  let copies = 0;
  const slow = registry.faults.add({
    match: isCopy,
    async respond(_request, serve) {
      copies += 1;
      if (copies === 1) await until('the copy of the next move is there', () => copies > 1);
      return serve();
    },
  });
  await adopted(gate());
  await until('the first copy is under way', () => copies === 1);
  await adopted(gate());
  await until('it was written again', () => copies > 2);
  await kept();
  slow();

  const end = registry.faults.add({
    match: isCopy,
    respond: () => ({ status: 403, headers: {}, body: Buffer.from('{"errors":[{"code":"DENIED","message":"no"}]}') }),
  });
  for (const live of [promoted, adopted]) {
    await live(gate());
    await copyKept(gate());
  }
  await until('the alarm is out', () => alarms().length > 0);
  expect(alarms().map(({ meta }) => meta?.why)).toEqual([expect.stringMatching(/canary-ledger-.*DENIED/)]);
  end();
  await adopted(gate());
  await kept();

  /** Puts the ledger there as a move of a later time would have left it. */
  const plant = async (laterMs: number) => {
    const { ledger } = await laneState(gate());
    const { images = [] } = ledger.expectedLatest ?? {};
    const at = Date.now() + laterMs;
    await keepLedger({ ...keeper(), now: at }, { ...ledger, expectedLatest: { images, at } });
  };
  /** Puts the ledger there as it was before a backup was restored: after one more move, with a build that was rolled back from. */
  const plantLost = async (bad: string) => {
    const { ledger } = await laneState(gate());
    const at = Date.now();
    const since = new Date(at).toISOString();
    const { images = [] } = ledger.expectedLatest ?? {};
    const sha = parseSha(bad);
    const said = { by: 'ada', reason: 'slow' };
    const history = [...ledger.history, { sha, at: since, kind: 'rollback' as const, ...said, images: [] }];
    const knownBad = [...ledger.knownBad, { sha, digests: [], since, ...said }];
    await keepLedger(keeper(), { ...ledger, history, knownBad, expectedLatest: { images, at } });
  };
  const told = (count: number) => until('the alarm is out', () => alarms()[count - 1]?.meta?.why);
  await plant(YEAR_MS);
  await adopted(gate());
  expect(await told(2)).toContain('had a copy of a time that is yet to come, which was replaced');
  await kept();
  await adopted(gate());
  await kept();
  const bad = newSha();
  await plantLost(bad);
  await adopted(gate());
  const lost = `had known-bad builds of moves that this lane does not know, and was replaced: ${bad.slice(0, 7)} `;
  expect(await told(3)).toContain(lost);
  await adopted(gate());
  await kept();
  await plant(MINUTE_MS);
  await adopted(gate());
  expect(await told(4)).toContain('has a copy of a later move than this lane knows');
});
