// `npm run kills -- [story]... [--who worker|server] [--every <n>] [--lanes <n>]`: carries out each story once as it is, then again
// with a kill as soon as its history has the nth event, and writes what came of it to docs/kills.md. With --page it only writes
// the page, from the results that it has.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const STORIES = [
  'promoted',
  'rejected',
  'approved',
  'superseded',
  'rolled-back',
  'auto-rollback',
  'restored',
  'tenant-added',
];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    who: { type: 'string' },
    every: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '5' },
    page: { type: 'boolean', default: false },
  },
});
const stories = positionals.length > 0 ? positionals : STORIES;
const unknown = stories.filter((name) => !STORIES.includes(name));
if (unknown.length > 0 || !(Number(values.every) > 0)) {
  console.error(`npm run kills -- [story]... [--who worker|server] [--every <n>] [--lanes <n>]: ${STORIES.join(', ')}`);
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const page = join(root, 'docs', 'kills.md');
const results = join(root, 'test', 'kills', 'results.json');
const WHO = ['worker', 'server'];
const folder = mkdtempSync(join(tmpdir(), 'canary-kills-'));
const out = join(folder, 'kills.jsonl');

for (const who of values.page ? [] : values.who ? [values.who] : WHO) {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'server', 'test/kills/kills.test.ts'];
  const { status } = spawnSync(process.execPath, [...args, `--maxConcurrency=${values.lanes}`], {
    cwd: root,
    env: {
      ...process.env,
      KILLS: stories.join(),
      KILLS_WHO: who,
      KILLS_EVERY: values.every,
      KILLS_OUT: out,
      CANARY_ALL_ROWS: '1',
    },
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}

const lines = existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n') : [];
rmSync(folder, { recursive: true, force: true });
// The last line of each place.
const places = new Map(
  lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map((one) => [[one.story, one.who, one.of, one.event].join(' '), one]),
);
const told = [...places.values()];
// A campaign in which no kill came, or after one of which a story did not end as without it, is no proof.
if (!values.page && !told.some(({ state }) => state === 'same')) process.exitCode = 1;
if (told.some(({ state }) => state === 'failed')) process.exitCode = 1;
const ending = ({ outcome, latest, writes, left }) =>
  `${outcome}; \`:latest\` ${[...new Set(latest)].join(', ')}; writes ${writes.join(' + ')}${left ? `; ${left}` : ''}`;
const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
const at = `${new Date().toISOString().slice(0, 10)}, ${commit}, ${cpus().length} cores, every ${values.every}`;

// The last results of each story are kept, so that it can be run in batches.
const kept = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
for (const story of STORIES)
  for (const who of WHO) {
    const all = told.filter((one) => one.story === story && one.who === who);
    if (all.length === 0) continue;
    const same = all.filter(({ state }) => state === 'same');
    const seconds = same.map((one) => one.seconds).sort((a, b) => a - b);
    // Two places may be one: a history grows while the kill is on its way.
    const diedAt = (of) => new Set(same.filter((one) => one.of === of).map(({ died }) => died.event)).size;
    kept[`${story} ${who}`] = {
      at,
      planned: all.length,
      unreached: all.filter(({ state }) => state === 'not-reached').length,
      failed: all.filter(({ state }) => state === 'failed').length,
      kills: ['run', 'mover'].map(diedAt).join(' + '),
      ends: [...new Set(same.map(ending))].join('<br>'),
      median: seconds[seconds.length >> 1] ?? '',
      longest: seconds.at(-1) ?? '',
      types: [...new Set(same.map(({ died }) => died.type.replace(/EventAttributes$/, '')))].sort().join(', '),
    };
  }
writeFileSync(results, `${JSON.stringify(kept, null, 2)}\n`);

const rows = STORIES.flatMap((story) =>
  WHO.flatMap((who) => {
    const one = kept[`${story} ${who}`];
    if (one === undefined) return [];
    const { planned = '', unreached = '', failed = '', kills, ends, median, longest, at: when } = one;
    return [
      `| ${story} | ${who} | ${planned} | ${unreached} | ${failed} | ${kills} | ${ends} | ${median} | ${longest} | ${when} |`,
    ];
  }),
);
const typesOf = (who) =>
  [...new Set(STORIES.flatMap((story) => (kept[`${story} ${who}`]?.types ?? '').split(', ').filter(Boolean)))].sort();
writeFileSync(
  page,
  `# A kill at every event

\`npm run kills\` carries out each story (\`test/kills/stories.ts\`) once as it is, then once for each event
of the run's history and of its mover's: as soon as the history has that event, the worker's process,
or the Temporal server's, is killed with SIGKILL, and another one is started. With the kill as without
it the story must end as it is written down in the story: its outcome, the digests of \`:latest\` (those of
the target, or as before), the writes of each \`:latest\` that the registry took, what is left at the control
plane and in the fleet file. Every history of it is replayed. That command writes this page; \`every 6\` means
every sixth event.

A kill is counted at the last event that the killed run's own history had when SIGKILL was sent, and
each of those once. Planned: places within the history of the run without a kill. Not reached: the run
had ended before the event, which is no kill and no success. Failed: the story did not end, or not as it
must. Rows without these numbers are of before 2026-11-29, 21:00: there an event is that of the run without
a kill, a kill may be up to 14 events later, and "as without the kill" was what was asked.

| story | killed | planned | not reached | failed | different kills: run + mover | how they ended | median, s | longest, s | when |
|---|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${WHO.map((who) => `The ${who} was killed right after each of: ${typesOf(who).join(', ')}.`).join('\n\n')}
`,
);
console.log(rows.join('\n'));
