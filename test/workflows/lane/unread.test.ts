import { describe, expect, test } from 'vitest';
import { withCopy } from '../../../activities/lane/ledger-copy.js';
import { laneCommandSignal } from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { adopt } from '../../../src/lane/commands.js';
import { keepLedger, readCopy } from '../../../src/ledger/store.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ociError, type RegistryRequest } from '../../../testbed/registry-store.js';
import { ada } from '../../support/decisions.js';
import { type Gate, logged, useGate } from '../../support/gate.js';
import { endLane, laneHandle, laneState, promoted, startLane } from '../../support/lanes.js';
import { keeperOf, ledgerWithBad } from '../../support/ledgers.js';
import { openRegistry } from '../../support/open-registry.js';
import { PATIENT } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { startSeededLane } from '../../support/seeds.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const { server: registry, registry: client } = await openRegistry();

/** Reads of each copy that the registry gets for one of the gate: it asks up to three times. */
const READS = 3;
const isRead = ({ method, path }: RegistryRequest) => method === 'GET' && path.includes('/manifests/canary-ledger');
/** Lets the registry refuse every read of a copy; gives what ends that. */
const refuseReads = (status: number, code: string) =>
  registry.faults.add({ match: isRead, respond: () => ociError(status, code, 'not now') });

/** Leaves the copy of a lane that rolled back from a build: the rest is lost. */
async function leaveCopy(gate: Gate): Promise<{ old: string; bad: string }> {
  const [old, bad] = [newSha(), newSha()];
  const ledger = await ledgerWithBad(gate, old, bad);
  await gate.retag(old, 'latest');
  await keepLedger(keeperOf(gate, client), ledger);
  return { old, bad };
}

const endOf = async (gate: Gate, sha: string) => (await awaitRunEnd(await gate.release({ sha }))).report;

/** The copy of the last move or adoption. */
const keptCopy = (gate: Gate) =>
  until('the copy is that of the last adoption', async () => {
    const { expectedLatest } = (await laneState(gate)).ledger;
    // What is there before need not be one.
    const copy = await readCopy(keeperOf(gate, client)).catch(() => null);
    return copy?.generation === expectedLatest?.at ? copy : null;
  });

/** What the rest of a recovery does: a person names the newest sequence. The build that was rolled back from stays refused. */
async function expectRefusedForGood(gate: Gate, bad: string) {
  await gate.sendToLane('sequence', { ...ada, sequence: 0 });
  expect(await endOf(gate, bad)).toMatchObject({ outcome: 'CanaryBuildBad' });
  expect(await keptCopy(gate)).toMatchObject({ ledger: { knownBad: [{ sha: bad }] } });
}

describe('a lane of which Temporal has nothing, and whose registry does not answer at first', () => {
  const gate = useGate('lane-unread', () => ({ registry: registry.host, env: PATIENT }));

  test('waits for its copy: an adoption that came before does not replace it with an empty one', async () => {
    const { old, bad } = await leaveCopy(gate());
    const before = registry.requests.filter(isRead).length;
    const answerAgain = refuseReads(503, 'UNAVAILABLE');
    await startLane(gate());
    const images = await gate().latestImages();
    await laneHandle(gate()).signal(laneCommandSignal('adopt'), { ...ada, images, sha: old });
    const reads = () => registry.requests.filter(isRead).length - before;
    await until('it was asked more than once for each image', () => reads() > READS * gate().repositories.length);
    answerAgain();
    const { ledger } = await laneState(gate());
    expect(ledger).toMatchObject({ hold: null, knownBad: [{ sha: bad }] });
    expect(ledger.history.map(({ sha, kind }) => [sha, kind])).toEqual([
      [old, 'promotion'],
      [bad, 'promotion'],
      [old, 'adopted'],
    ]);
    await expectRefusedForGood(gate(), bad);
  });
});

/** The lane is on hold, with all of the copy, and with the adoption since. */
const expectWhole = async (gate: Gate, old: string, bad: string) =>
  expect((await laneState(gate)).ledger).toMatchObject({
    hold: { name: 'not-recovered' },
    knownBad: [{ sha: bad }],
    history: [{ sha: old }, { sha: bad }, { sha: old }],
  });

/** A gate that does not ask its registry for long. */
const hastyGate = (name: string, registryMs: number) => {
  const retryBudgetMs = { registry: registryMs, secret: 60_000, smoke: 30_000 };
  return useGate(name, () => ({ registry: registry.host, env: PATIENT, retryBudgetMs }));
};

/** Begins a lane that may not read its copy, and adopts `:latest`; `allow` lets it. */
async function beginUnread(gate: Gate) {
  const left = await leaveCopy(gate);
  const allow = refuseReads(403, 'DENIED');
  await startLane(gate);
  await gate.adoptAlone(left.old);
  return { ...left, allow };
}

describe('a lane that could not read its copy', () => {
  const gate = hastyGate('lane-unread-ended', 500);

  fullTest('and was terminated leaves that to the next one', async () => {
    const { old, bad, allow } = await beginUnread(gate());
    allow();
    await endLane(gate());
    await startLane(gate());
    await expectWhole(gate(), old, bad);
    await gate().adoptAlone(old);
    await expectRefusedForGood(gate(), bad);
  });
});

describe('a lane that could not read its copy, of which Temporal lost a part since', () => {
  const gate = useGate('lane-unread-part', () => ({ registry: registry.host, env: PATIENT }));

  fullTest('leaves that to the next one, which has all of the copy', async () => {
    const { old, bad } = await leaveCopy(gate());
    await startLane(gate());
    await endLane(gate());
    const began = withCopy(null, { copy: null, problems: ['HTTP 503'], isAnswered: false });
    if (!began) throw new Error('it begins on hold');
    adopt(began, await gate().latestImages(), parseSha(old), ada, Date.now());
    await startSeededLane(gate(), began, true);
    await startLane(gate());
    await expectWhole(gate(), old, bad);
  });
});

describe('a lane whose registry lets it read the copy beside one image', () => {
  const gate = hastyGate('lane-unread-one', 500);

  fullTest('knows that after `lane renew`, and still waits for the others', async () => {
    const { old, bad, allow } = await beginUnread(gate());
    const isOther = (request: RegistryRequest) => isRead(request) && !request.path.includes('/platform/manifests');
    allow();
    const allowOther = registry.faults.add({ match: isOther, respond: () => ociError(403, 'DENIED', 'not now') });
    await gate().sendToLane('renew', ada);
    const found = await until('it has the copy', async () => {
      const { ledger } = await laneState(gate());
      return ledger.knownBad.length > 0 ? ledger : null;
    });
    allowOther();
    expect(found).toMatchObject({
      history: [{ sha: old }, { sha: bad }, { sha: old }],
      lost: { unread: { merged: (await readCopy(keeperOf(gate(), client)))?.generation } },
    });
  });
});

describe('a lane whose copy cannot be read any more, and whose tag no one may delete', () => {
  const gate = useGate('lane-unread-given-up', () => ({ registry: registry.host, env: PATIENT }));

  test('goes on once a person gives the copy up with an adoption, which replaces it', async () => {
    const old = newSha();
    await gate().publish(old);
    await gate().retag(old, 'latest');
    await gate().retag(old, `canary-ledger-${gate().lane}`);
    await startLane(gate());
    expect((await laneState(gate())).ledger.lost?.unread).toBeDefined();
    const images = await gate().latestImages();
    await gate().sendToLane('adopt', { ...ada, images, sha: old, withoutCopy: true });
    expect(await keptCopy(gate())).toMatchObject({ ledger: { history: [{ sha: old, kind: 'adopted' }] } });
    await gate().sendToLane('sequence', { ...ada, sequence: 0 });
    await promoted(gate());
  });
});

describe('a lane of which Temporal has nothing, and whose registry does not let it read for long', () => {
  const gate = hastyGate('lane-unread-long', 1_000);

  test('begins on hold, writes no copy over that one, takes no sequence, and knows it after `lane renew`', async () => {
    const { old, bad } = await leaveCopy(gate());
    const allow = refuseReads(403, 'DENIED');
    await startLane(gate());
    expect((await laneState(gate())).ledger).toMatchObject({
      hold: { name: 'not-recovered', why: expect.stringMatching(/could not be read, and stays: .*canary lane renew/) },
      lost: { upTo: null, unread: { why: expect.stringContaining('DENIED') } },
      history: [],
    });
    await gate().adoptAlone(old);
    const why = await until('the alarm is out', () => logged.find(({ meta }) => meta?.alarm === 'ledger-not-kept'));
    expect(why.meta?.why).toMatch(
      /canary-ledger-lane-unread-long is not replaced: .*fix: that, then canary lane renew/,
    );
    const asked = gate().sendToLane('sequence', { ...ada, sequence: 0 });
    await expect(asked).rejects.toThrow(/sequence refused: .*was not read: .*canary lane renew/);
    expect(await endOf(gate(), bad)).toMatchObject({ outcome: 'ConfigInvalid' });
    const runs = async () => (await laneHandle(gate()).describe()).runId;
    /** Renews the lane; its ledger afterwards. */
    const renewed = async () => {
      const before = await runs();
      await gate().sendToLane('renew', ada);
      await until('it has continued', async () => (await runs()) !== before);
      return (await laneState(gate())).ledger;
    };
    // The registry still refuses: nothing changes.
    expect(await renewed()).toMatchObject({ hold: null, lost: { unread: {} } });

    allow();
    expect(await readCopy(keeperOf(gate(), client))).toMatchObject({ ledger: { knownBad: [{ sha: bad }] } });
    const ledger = await renewed();
    expect(ledger).toMatchObject({
      hold: { name: 'not-recovered', why: expect.stringContaining('the rest is from its copy') },
      knownBad: [{ sha: bad }],
    });
    expect(ledger.lost).toEqual({ seen: ledger.seen, upTo: null });
    expect(ledger.history.map(({ sha, kind }) => [sha, kind])).toEqual([
      [old, 'promotion'],
      [bad, 'promotion'],
      [old, 'adopted'],
    ]);
    await gate().adoptAlone(old);
    await expectRefusedForGood(gate(), bad);
  });
});
