import { beforeAll, beforeEach, describe, expect } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { canary } from '../../support/cli.js';
import { useGate } from '../../support/gate.js';
import { moveTo } from '../../support/production.js';
import { rollBack } from '../../support/rollbacks.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('rollback-floor', () => ({ tenants: 1 }));
let [older, floor, middle, live] = ['', '', '', ''];
const BELOW = () =>
  `${older.slice(0, 7)} is below the rollback floor ${floor}: a build since says (canary.rollback-floor) that older ones cannot run on today's data`;
const images = () => gate().env.CANARY_IMAGES ?? '';
const cli = (args: string[], env: Record<string, string> = {}) =>
  canary(['rollback', ...args, '--by', 'ada', '--reason', 'it burns'], {
    CANARY_LANE: 'rollback-floor',
    CANARY_IMAGES: images(),
    ...env,
  });

beforeAll(() => gate().begin(newSha()));
/** Four builds: the third names the second as its floor, and the newest names none. */
beforeEach(async () => {
  [older, floor, middle, live] = [newSha(), newSha(), newSha(), newSha()];
  await gate().adopt();
  await moveTo(gate(), older);
  await moveTo(gate(), floor);
  await gate().publish(middle, { floor });
  await moveTo(gate(), middle, { isPublished: true });
  await moveTo(gate(), live);
});

describe('a rollback below the floor of a build that was live since', () => {
  fullTest('is refused and says why, and goes on with force', async () => {
    const before = await gate().latest();
    const refused = (await awaitRunEnd(await rollBack(gate(), older))).report;
    expect(refused).toMatchObject({
      outcome: 'MoveRefused',
      refusal: 'needs-force',
      why: expect.stringContaining(BELOW()),
    });
    expect(await gate().latest()).toEqual(before);
    const forced = (await awaitRunEnd(await rollBack(gate(), older, { force: true }))).report;
    expect(forced).toMatchObject({ outcome: 'rolled-back' });
  });

  fullTest('is refused in a dry run too', async () => {
    const { code, out } = await cli([older, '--dry-run']);
    expect(code).toBe(1);
    expect(out.join('\n')).toContain(`would be REFUSED: ${BELOW()}`);
  });

  fullTest('is not what a rollback to the floor itself is', async () => {
    expect((await awaitRunEnd(await rollBack(gate(), floor))).report).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('a rollback without Temporal, below the floor of the live build', () => {
  fullTest('is refused by the labels alone', async () => {
    expect((await awaitRunEnd(await rollBack(gate(), middle))).report).toMatchObject({ outcome: 'rolled-back' });
    const before = await gate().latest();
    const { code, err } = await cli([older, '--direct'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(code).toBe(1);
    expect(err.join('\n')).toMatch(new RegExp(`${older.slice(0, 7)} (?:is|may be) below the rollback floor ${floor}`));
    expect(err.join('\n')).toContain('nothing was moved (--force moves anyway)');
    expect(await gate().latest()).toEqual(before);
  });
});
