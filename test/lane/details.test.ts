import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { applyCommand } from '../../src/lane/commands.js';
import { laneDetails } from '../../src/lane/details.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { ATTRIBUTION, laneAt, NOON, promote, run, shaOf } from './lane-support.js';

const LANE = parseLane('');

const rolledBack = (by = 'ada', reason = 'it is slow') => {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  beginRollback(state, { workflowId: 'r', runId: 'r', sha: shaOf('a'), force: false, by, reason }, NOON);
  applyCommand(state, 'pause', { by, reason }, NOON);
  return state;
};

describe('laneDetails', () => {
  test('shows the holder, the queue, and the last moves', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    enqueue(state, run('c'));
    grant(state, NOON);
    enqueue(state, run('d'));
    expect(laneDetails(state, NOON, LANE)).toBe(`**Promotion is automatic**

\`ccccccc\` holds the lane since 2026-11-25 12:00:00 UTC (\`canary-release-ccccccc\`)

**Queue, in order**

- \`ddddddd\`

**Commands**

- \`canary lane drop ccccccc --reason …\`, or Send an Update \`drop\` with \`{"by":"your name","reason":"why","sha":"ccccccc"}\`: takes the lane from a run that does not answer

**Last moves**

- 2026-11-25 12:00:00 UTC **promotion** \`bbbbbbb\` by ada: green
- 2026-11-25 11:00:00 UTC **adopted** \`aaaaaaa\` by ada: looked at it`);
  });

  test('shows the hold and the pause, what lifts them, and the known-bad builds', () => {
    const page = laneDetails(rolledBack(), NOON, LANE);
    expect(page).toContain(
      '**On hold** for **after-rollback** since 2026-11-25 12:00:00 UTC, by ada: a rollback to aaaaaaa',
    );
    expect(page).toContain(
      '- `canary lane unhold --reason …`: promotion is automatic again, if :latest is where the last move left it; until then the next GREEN build waits',
    );
    expect(page).toContain('- Send an Update `unhold` with `{"by":"your name","reason":"why"}`');
    expect(page).toContain('**Paused** since 2026-11-25 12:00:00 UTC until canary resume, by ada: it is slow');
    expect(page).toContain('**Known-bad builds**\n\n- `bbbbbbb` since');
    expect(page).not.toContain('automatic**');
  });

  test('names the commands of a gate that is not the only one as a person runs them', () => {
    const state = rolledBack();
    enqueue(state, run('c'));
    grant(state, NOON);
    const commands = laneDetails(state, NOON, parseLane('eu.payments')).match(
      /(?<=`)[^`\n]*canary (?:lane|resume)[^`]*/g,
    );
    expect(commands).toEqual([
      'CANARY_LANE=eu.payments canary lane unhold --reason …',
      'CANARY_LANE=eu.payments canary resume --reason …',
    ]);
  });

  test('escapes markup in names and reasons, and stays below the URL limit of proxies', () => {
    const state = rolledBack('**x** [a](https://b)'.repeat(4), '漢字 <img src=x> '.repeat(30));
    for (let nth = 0; nth < 200; nth += 1) state.ledger.history.push(...state.ledger.history.slice(-1));
    state.ledger.knownBad = Array.from({ length: 200 }, () => state.ledger.knownBad[0]).flatMap((one) => one ?? []);
    enqueue(state, run('c', { manual: true }));
    const page = laneDetails(state, NOON, LANE);
    expect(page).toMatch(/- and \d{3} more/);
    expect(page).not.toMatch(/(?<!\\)[<[]/);
    expect(encodeURIComponent(page).length).toBeLessThan(8_000);
  });

  test('is valid text even if a character is half sent or cut in half', () => {
    const page = laneDetails(rolledBack('\ud800', `${'a'.repeat(118)}😀`), NOON, LANE);
    expect(() => encodeURIComponent(page)).not.toThrow();
  });

  test('does not show an expired pause', () => {
    const state = laneAt('a');
    applyCommand(state, 'pause', { ...ATTRIBUTION, until: new Date(NOON + 1).toISOString() }, NOON);
    expect(laneDetails(state, NOON, LANE)).toContain('**Paused**');
    expect(laneDetails(state, NOON + 2, LANE)).not.toContain('**Paused**');
  });
});
