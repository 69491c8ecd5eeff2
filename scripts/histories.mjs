// `npm run histories -- <name>...`: records the history of a test in test/histories/, where it is replayed from then on, and adds it
// to the manifest there. A name that is kept already gets a number: `promoted-2`. A history of released code is never recorded again:
// if it no longer replays, the code is wrong. Before the first release, `--replace` records one in the place of another.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineOf, MANIFEST, releases } from './histories/manifest.mjs';

const RELEASE = 'test/workflows/release/canary-release.test.ts';
const MOVE = 'test/workflows/move/move-latest.test.ts';
const HISTORIES = {
  promoted: [RELEASE, 'a build that every tenant runs and passes gets :latest'],
  already: [RELEASE, 'the same build once more moves nothing'],
  rejected: [RELEASE, 'a build whose memory search is broken'],
  restored: [MOVE, 'when the second image cannot be moved'],
  split: [MOVE, 'when the first cannot be restored either'],
  conflict: [MOVE, 'one image is moved from outside in mid-move'],
  unconfirmed: [MOVE, 'the registry takes the move, but no read ever shows it'],
  approved: ['test/workflows/release/holds.test.ts', 'is waited for when it is required'],
  retried: ['test/workflows/release/holds.test.ts', 'build-repushed: retry starts over'],
  aborted: ['test/workflows/release/holds.test.ts', 'while soaking ends the release at once'],
  interrupted: ['test/workflows/release/soak.test.ts', 'starts over when a tenant leaves'],
  drifted: ['test/workflows/check-drift.test.ts', 'a :latest that was moved with crane'],
  watched: ['test/workflows/watch-production.test.ts', 'production that takes the build is followed after the bake, '],
  added: ['test/workflows/add-tenant.test.ts', 'makes an org a tested member of the fleet file'],
  delivered: ['test/workflows/delivery.test.ts', 'a promoted build is taken to production'],
  notified: ['test/e2e/notifications.test.ts', 'RED, held, reminded, approved, promoted, rolled back'],
  'rolled-back': ['test/workflows/rollback/rollback.test.ts', 'moves :latest of both images back'],
};

const replaces = process.argv.includes('--replace');
const wanted = process.argv.slice(2).filter((name) => name !== '--replace');
const unknown = wanted.filter((name) => !(name in HISTORIES));
if (wanted.length === 0 || unknown.length > 0) {
  console.error(`npm run histories -- <name>... [--replace]: ${Object.keys(HISTORIES).join(', ')}`);
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'histories');
const manifest = join(root, MANIFEST);
if (replaces && releases(root).length > 0) {
  console.error(
    `--replace: ${releases(root).join(', ')} is released, and its histories are kept for good: leave it out`,
  );
  process.exit(2);
}

/** Whether a history of this name was written since then. */
const isWritten = (name, since) => filesOf(name).some((file) => statSync(join(folder, file)).mtimeMs >= since);

/** Names of the files of a history. */
const filesOf = (name) => readdirSync(folder).filter((file) => file.startsWith(`${name}.`));

/** A name that no history has; the same one, if it is to be replaced. */
function nameFor(wanted) {
  if (replaces || filesOf(wanted).length === 0) return wanted;
  let number = 2;
  while (filesOf(`${wanted}-${number}`).length > 0) number += 1;
  return `${wanted}-${number}`;
}

/** Adds the files of a history to the manifest, in the place of lines for the same files. */
function list(name) {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  const files = filesOf(name);
  const kept = readFileSync(manifest, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !files.includes(line.split('  ')[2]));
  writeFileSync(manifest, `${[...kept, ...files.map((file) => lineOf(folder, file, commit))].join('\n')}\n`);
}

for (const one of wanted) {
  const [file, test] = HISTORIES[one];
  const name = nameFor(one);
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', file, '-t', test];
  const began = Date.now();
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, KEEP_HISTORIES: name, CANARY_ALL_ROWS: '1' },
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
  // vitest exits with 0 when a name matches nothing, or skipped tests alone: the old history would stay as proof.
  if (isWritten(name, began)) {
    list(name);
    continue;
  }
  console.error(`${name}: no history was written: no test of ${file} has the name '${test}', or it is skipped`);
  process.exitCode = 1;
}
