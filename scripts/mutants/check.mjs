import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { breakFiles, readMutants } from './table.mjs';
import { undeclaredIn } from './undeclared.mjs';

/**
 * Finds the problems of the tables that show without running a test: a line for each problem.
 * @param {string} root
 * @returns {Promise<string[]>}
 */
export async function findProblems(root) {
  const mutants = await readMutants(root);
  const names = mutants.map(({ name }) => name);
  const broken = [];
  const problems = mutants.flatMap((mutant, index) => {
    const problems = [editProblem(root, mutant, broken), testProblem(root, mutant)];
    if (names.indexOf(mutant.name) !== index) problems.push('another mutant has this name');
    return problems.filter((problem) => problem !== null).map((problem) => `${mutant.name}: ${problem}`);
  });
  return [...problems, ...undeclaredIn(root, broken)];
}

/** @param {unknown[]} broken gets the files of a mutant whose edits apply */
function editProblem(root, mutant, broken) {
  try {
    const files = breakFiles(root, mutant);
    broken.push({ name: mutant.name, files });
    const same = files.find(({ before, after }) => before === after);
    return same ? `its edits do not change ${same.file}` : null;
  } catch (error) {
    return error.message;
  }
}

function testProblem(root, { testFile, testName }) {
  const file = join(root, testFile);
  if (!existsSync(file)) return `no such file ${testFile}`;
  // A test of a corpus is one of its files.
  if (testName.endsWith('.json')) {
    const input = join(testFile.replace(/\.test\.ts$/, ''), testName);
    return existsSync(join(root, input)) ? null : `no such file ${input}`;
  }
  return mayContain(readFileSync(file, 'utf8'), testName) ? null : `no title in ${testFile} matches "${testName}"`;
}

const LITERAL = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\`(?:[^\`\\]|\\.)*\``;
/** First argument of `test(`, `fullTest(`, `describe.skipIf(…)(`, `test.each([…])(` and so on, if it is a literal. */
const TITLE = new RegExp(
  String.raw`(?:\b(?:describe|test|fullDescribe|fullTest|it)(?:\.\w+)*|[)\]\`])\(\s*(${LITERAL})`,
  'g',
);
/** Placeholders that a run fills in: `%s`, `$name`, `${name}`. */
const FILLED_IN = /\$\{[^}]*\}|%[sdifjoOc#]|\$[\w.#]+/;

/**
 * Whether the titles in a test file can form the name, which may start in the middle of the outermost title. The text of
 * a placeholder must be a literal in the file, unless it is one word, which may come from elsewhere.
 * @param {string} text
 * @param {string} name
 */
function mayContain(text, name) {
  const plain = text.replaceAll('\\', '');
  const isPlausible = (value) =>
    !value.includes(' ') || [`'`, `"`, '`'].some((quote) => plain.includes(quote + value + quote));
  const titles = [...text.matchAll(TITLE)].map(([, literal]) => literal.slice(1, -1).replaceAll(/\\(.)/g, '$1'));
  const isComposed = (rest, unused) =>
    unused.some((parts) => {
      if (endings(parts).some((ending) => filledIn(rest, '', ending)?.every(isPlausible))) return true;
      const [outer, ...values] = filledIn(rest, '(.+) ', parts) ?? [];
      const others = unused.filter((other) => other !== parts);
      return outer !== undefined && values.every(isPlausible) && isComposed(outer, others);
    });
  return isComposed(
    name,
    titles.map((title) => title.split(FILLED_IN)),
  );
}

/** Endings of a title, one from each of its words. */
function endings(parts) {
  return parts.flatMap((part, index) => {
    const starts = [0, ...[...part.matchAll(/ /g)].map((space) => space.index + 1)];
    return starts.map((start) => [part.slice(start), ...parts.slice(index + 1)]);
  });
}

/** Texts in the gaps between the parts, or null if the parts do not match. */
function filledIn(text, before, parts) {
  // Most titles do not fit: this costs a tenth of an expression.
  if (!text.endsWith(parts.at(-1)) || (before === '' && !text.startsWith(parts[0]))) return null;
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.*)');
  return new RegExp(`^${before}${pattern}$`, 's').exec(text)?.slice(1) ?? null;
}
