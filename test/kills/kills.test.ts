import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe } from 'vitest';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import type { Gate } from '../support/gate.js';
import { useOwnServer } from '../support/own-server.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { startVictim, type Victim } from '../support/victim.js';
import { STORIES, type StoryName } from './stories.js';
import { type Place, type Told, tell } from './tell.js';

// `npm run kills` sets these; alone, the file kills at a few places that no phase of worker-killed.test.ts has. A kill that did not come
// is skipped, and so is in no count of what passed.
const { KILLS = 'promoted', KILLS_WHO = 'worker', KILLS_EVERY = '', KILLS_OUT } = process.env;
/** Places of a plain `npm run test:full`: in mid-move, before its end is reported. */
const FEW: Place[] = [{ of: 'mover', event: 9 }];

const folder = mkdtempSync(join(tmpdir(), 'canary-kills-'));
let registry: MemoryRegistry;
beforeAll(async () => {
  registry = await startMemoryRegistry();
});
afterAll(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Worker processes of the stories, by lane. */
const victims = new Map<string, Victim>();
const worker = {
  address: temporalAddress,
  async arm(gate: Gate) {
    const env = { MOVE_WAITS: JSON.stringify(gate.waits), TEMPORAL_ADDRESS: temporalAddress() };
    victims.set(gate.lane, await startVictim(gate, folder, { command: ['test/support/freezing-worker.mjs'], env }));
  },
  async kill(gate: Gate) {
    const victim = victims.get(gate.lane);
    if (victim === undefined) throw new Error(`${gate.lane} has no worker to kill`);
    await victim.kill();
    await gate.startWorker();
  },
};
afterAll(() => Promise.all([...victims.values()].map((victim) => victim.kill())));

const server = KILLS_WHO === 'server' ? useOwnServer() : null;
const target = server
  ? {
      address: server.address,
      arm: async () => undefined,
      kill: () => server.kill().then(() => server.startAgain()),
    }
  : worker;

for (const name of KILLS.split(',') as StoryName[]) {
  if (!(name in STORIES)) throw new Error(`there is no story ${name}: ${Object.keys(STORIES).join(', ')}`);
  // A server is killed under all lanes: one story at a time.
  describe.concurrent(`${name}, and the ${KILLS_WHO} killed`, { concurrent: server === null }, () => {
    let whole: Told | null;
    beforeAll(async () => {
      whole = await tell({ name, lane: `kills-${name}-whole`, temporal: target.address(), registry });
    }, 120_000);

    fullTest('ends as it must without a kill', ({ expect }) => {
      expect(whole?.ending).toEqual(STORIES[name].expected);
      for (const of of ['run', 'mover'] as const)
        expect(whole?.events[of].length).toBeLessThanOrEqual(mostOf(name)[of]);
    });
    if (KILLS_EVERY === '')
      fullTest('has the places at which it is killed', ({ expect }) => {
        for (const { of, event } of FEW) expect(whole?.events[of].length).toBeGreaterThanOrEqual(2 * event);
      });
    for (const place of placesOf(name))
      fullTest(
        `at event ${place.event} of the ${place.of} ends as it must`,
        async ({ expect, skip }) => {
          const lane = `kills-${name}-${place.of}-${place.event}`;
          const types = whole?.events[place.of] ?? [];
          if (types.length < place.event) return skip(`its history has ${types.length} events`);
          const began = Date.now();
          // The last line of a place counts: of one whose story throws, this one.
          const note = (state: string, more: object = {}) => {
            const line = { story: name, who: KILLS_WHO, ...place, state, ...more };
            if (KILLS_OUT) appendFileSync(KILLS_OUT, `${JSON.stringify(line)}\n`);
          };
          note('failed');
          const { arm, kill } = target;
          const told = await tell({ name, lane, temporal: target.address(), registry, place, arm, kill });
          const seconds = Math.round((Date.now() - began) / 1_000);
          if (told === null) note('not-reached');
          else if (isDeepStrictEqual(told.ending, STORIES[name].expected))
            note('same', { seconds, died: told.died, ...told.ending });
          // The history of another run may be some events shorter, and no kill comes near its end.
          if (place.event * 2 <= types.length) expect(told, 'the kill').not.toBeNull();
          if (told === null) return skip('the run had ended before the kill');
          expect(told.ending).toEqual(STORIES[name].expected);
        },
        300_000,
      );
  });
}

/** Most events of a story's histories: a place beyond them is not planned. */
const mostOf = (name: StoryName): Record<Place['of'], number> => ({ run: name === 'superseded' ? 40 : 160, mover: 40 });

/** Places of a story; those beyond its history are skipped. */
function placesOf(name: StoryName): Place[] {
  if (KILLS_EVERY === '') return FEW;
  const all = (of: Place['of']): Place[] =>
    Array.from({ length: Math.ceil(mostOf(name)[of] / Number(KILLS_EVERY)) }, (_, index) => ({
      of,
      event: 1 + index * Number(KILLS_EVERY),
    }));
  return [...all('run'), ...all('mover')];
}
