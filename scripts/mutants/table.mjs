import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {{ file: string, find: string, replace: string }} Edit
 * @typedef {{ name: string, group: string, breaks: string, edits: Edit[], testFile: string, testName: string, hangs: boolean }} Mutant
 */

/** Folder of the tables: one file for each invariant or area, with an array of rows as its default export. */
export const FOLDER = join('test', 'mutants');

/**
 * All rows of all tables, sorted by name. A row has `file`, `find` and `replace`, or `edits` with several of them; `hangs: true` if
 * the break makes its test wait until its time-out.
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
  const { name, breaks, test, file, find, replace, edits = [{ file, find, replace }], hangs = false } = row;
  const cut = String(test).indexOf(' > ');
  const isWhole = [name, breaks, ...edits.flatMap((edit) => [edit.file, edit.find])].every(
    (text) => typeof text === 'string' && text !== '',
  );
  if (!isWhole || cut < 0 || edits.some((edit) => typeof edit.replace !== 'string'))
    throw new Error(
      `${join(FOLDER, `${group}.mjs`)}: "${name}" is invalid: expected name, breaks, file, find, replace and test (<file> > <name>)`,
    );
  return { name, group, breaks, edits, testFile: test.slice(0, cut), testName: test.slice(cut + 3), hangs };
}

/**
 * Returns the files of a mutant before and after its edits. Throws if a `find` does not occur exactly once.
 * @param {string} root
 * @param {Mutant} mutant
 * @returns {{ file: string, before: string, after: string }[]}
 */
export function breakFiles(root, { edits }) {
  return [...new Set(edits.map(({ file }) => file))].map((file) => {
    if (!existsSync(join(root, file))) throw new Error(`no such file ${file}`);
    const before = readFileSync(join(root, file), 'utf8');
    const own = edits.filter((edit) => edit.file === file);
    return { file, before, after: applyEdits(before, own) };
  });
}

/** Applies edits; every place is found in the original text, so that no edit sees the result of another. */
function applyEdits(text, edits) {
  const places = edits.map((edit) => ({ ...edit, at: placeOf(text, edit) })).sort((one, other) => other.at - one.at);
  return places.reduce(
    (edited, { at, find, replace }) => edited.slice(0, at) + replace + edited.slice(at + find.length),
    text,
  );
}

function placeOf(text, { file, find }) {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`find occurs ${count} times in ${file}: ${JSON.stringify(find)}`);
  return text.indexOf(find);
}
