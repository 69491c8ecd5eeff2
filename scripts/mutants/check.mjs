import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { breakFiles, readMutants } from './table.mjs';

/**
 * What is wrong with the tables, as far as it can be seen without running a test: a line for each problem.
 * @param {string} root
 * @returns {Promise<string[]>}
 */
export async function findProblems(root) {
  const mutants = await readMutants(root);
  const names = mutants.map(({ name }) => name);
  return mutants.flatMap((mutant, index) => {
    const problems = [editProblem(root, mutant), testProblem(root, mutant)];
    if (names.indexOf(mutant.name) !== index) problems.push('another mutant has this name');
    return problems.filter((problem) => problem !== null).map((problem) => `${mutant.name}: ${problem}`);
  });
}

function editProblem(root, mutant) {
  try {
    const same = breakFiles(root, mutant).find(({ before, after }) => before === after);
    return same ? `its edits leave ${same.file} as it is` : null;
  } catch (error) {
    return error.message;
  }
}

function testProblem(root, { testFile, testName }) {
  const file = join(root, testFile);
  if (!existsSync(file)) return `there is no ${testFile}`;
  return mayHold(readFileSync(file, 'utf8'), testName) ? null : `no title in ${testFile} matches "${testName}"`;
}

const LITERAL = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\`(?:[^\`\\]|\\.)*\``;
/** The first argument of `test(`, `describe.skipIf(…)(`, `test.each([…])(` and so on, when it is a literal. */
const TITLE = new RegExp(String.raw`(?:\b(?:describe|test|it)(?:\.\w+)*|[)\]\`])\(\s*(${LITERAL})`, 'g');
/** What a run fills in: `%s`, `$name`, `${name}`. */
const FILLED_IN = /\$\{[^}]*\}|%[sdifjoOc#]|\$[\w.#]+/;

/**
 * Whether the titles in a test file can make up the name, which may begin in the middle of the outermost of them. What a
 * run fills in has to be a literal in the file, unless it is one word: that may come from elsewhere.
 * @param {string} text
 * @param {string} name
 */
function mayHold(text, name) {
  const plain = text.replaceAll('\\', '');
  const isPlausible = (value) =>
    !value.includes(' ') || [`'`, `"`, '`'].some((quote) => plain.includes(quote + value + quote));
  const titles = [...text.matchAll(TITLE)].map(([, literal]) => literal.slice(1, -1).replaceAll(/\\(.)/g, '$1'));
  const isMadeUp = (left, unused) =>
    unused.some((parts) => {
      if (endings(parts).some((ending) => filledIn(left, '', ending)?.every(isPlausible))) return true;
      const [outer, ...values] = filledIn(left, '(.+) ', parts) ?? [];
      const others = unused.filter((other) => other !== parts);
      return outer !== undefined && values.every(isPlausible) && isMadeUp(outer, others);
    });
  return isMadeUp(
    name,
    titles.map((title) => title.split(FILLED_IN)),
  );
}

/** The title from each of its words on. */
function endings(parts) {
  return parts.flatMap((part, index) => {
    const starts = [0, ...[...part.matchAll(/ /g)].map((space) => space.index + 1)];
    return starts.map((start) => [part.slice(start), ...parts.slice(index + 1)]);
  });
}

/** What stands in the gaps between the parts, or null when they do not fit. */
function filledIn(text, before, parts) {
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.*)');
  return new RegExp(`^${before}${pattern}$`, 's').exec(text)?.slice(1) ?? null;
}
