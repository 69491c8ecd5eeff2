// The manifest of test/histories/: a line for each file, in the order in which they were recorded: the hash of its bytes, the commit
// of its recording, its name.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const MANIFEST = 'test/histories/manifest.txt';

export const lineOf = (folder, file, commit) => `${hashOf(folder, file)}  ${commit}  ${file}`;

export const hashOf = (folder, file) =>
  createHash('sha256')
    .update(readFileSync(join(folder, file)))
    .digest('hex');

const git = (root, args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });

/** Tags of the releases; none outside of a clone, or in one without tags. */
export const releases = (root) =>
  (git(root, ['tag', '--list', 'v[0-9]*']).stdout ?? '').split('\n').filter((tag) => tag !== '');

/** Lines of the manifest of a release. */
export const released = (root, tag) =>
  (git(root, ['show', `${tag}:${MANIFEST}`]).stdout ?? '').split('\n').filter((line) => line !== '');
