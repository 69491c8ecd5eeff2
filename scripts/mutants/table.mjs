import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {{ file: string, find: string, replace: string }} Edit
 * @typedef {{ name: string, group: string, breaks: string, edits: Edit[], testFile: string, testName: string }} Mutant
 */

/** Where the tables are: one file for each invariant or area, each with an array of rows as its default export. */
export const FOLDER = join('test', 'mutants');

/**
 * All rows of all tables, sorted by name. A row has `file`, `find` and `replace`, or `edits` with several of them.
 * @param {string} root
 * @returns {Promise<Mutant[]>}
 */
export async function readMutants(root) {
  const folder = join(root, FOLDER);
  const tables = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  const read = async (table) => {
    const { default: rows } = await import(pathToFileURL(join(folder, table)).href);
    return rows.map((row) => toMutant(row, basename(table, '.mjs')));
  };
  return (await Promise.all(tables.map(read))).flat().sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @returns {Mutant} */
function toMutant(row, group) {
  const { name, breaks, test, file, find, replace, edits = [{ file, find, replace }] } = row;
  const cut = String(test).indexOf(' > ');
  const isWhole = [name, breaks, ...edits.flatMap((edit) => [edit.file, edit.find])].every(
    (text) => typeof text === 'string' && text !== '',
  );
  if (!isWhole || cut < 0 || edits.some((edit) => typeof edit.replace !== 'string'))
    throw new Error(
      `${join(FOLDER, `${group}.mjs`)}: "${name}" needs name, breaks, file, find, replace and test: <file> > <name>`,
    );
  return { name, group, breaks, edits, testFile: test.slice(0, cut), testName: test.slice(cut + 3) };
}

/**
 * The files of a mutant as they are and as it breaks them. Throws when a `find` does not occur exactly once.
 * @param {string} root
 * @param {Mutant} mutant
 * @returns {{ file: string, before: string, after: string }[]}
 */
export function breakFiles(root, { edits }) {
  return [...new Set(edits.map(({ file }) => file))].map((file) => {
    if (!existsSync(join(root, file))) throw new Error(`there is no ${file}`);
    const before = readFileSync(join(root, file), 'utf8');
    const own = edits.filter((edit) => edit.file === file);
    return { file, before, after: applyEdits(before, own) };
  });
}

/** Every place is looked up in the text as it was, so that no edit can see the result of another. */
function applyEdits(text, edits) {
  const places = edits.map((edit) => ({ ...edit, at: placeOf(text, edit) })).sort((one, other) => other.at - one.at);
  return places.reduce(
    (left, { at, find, replace }) => left.slice(0, at) + replace + left.slice(at + find.length),
    text,
  );
}

function placeOf(text, { file, find }) {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`find occurs ${count} times in ${file}: ${JSON.stringify(find)}`);
  return text.indexOf(find);
}
