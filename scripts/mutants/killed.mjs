import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Remembers which mutants were killed, for `--resume`: each with a hash of its row, its test and the files that it breaks.
 * @param {string} root
 */
export function killedMutants(root) {
  const file = join(root, 'node_modules', '.cache', 'canary-mutants.json');
  const read = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
  const text = (name) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : '');
  const hash = ({ edits, testFile, testName }) => {
    const parts = [edits, edits.map((edit) => text(edit.file)), testName, text(testFile)];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  };
  const killed = read();
  return {
    /** @param {import('./table.mjs').Mutant} mutant */
    has: (mutant) => killed[mutant.name] === hash(mutant),
    /** @param {import('./table.mjs').Mutant} mutant */
    add(mutant) {
      mkdirSync(dirname(file), { recursive: true });
      // Read again: another run may have written it.
      writeFileSync(file, JSON.stringify({ ...read(), [mutant.name]: hash(mutant) }));
    },
  };
}
