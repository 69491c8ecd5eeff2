import { expect, test } from 'vitest';
import { areaOf, files, sourceOf } from './imports.js';

/** What workflow code is made of: its modules are loaded once for all runs of a worker (ADR 31). */
const AREAS = ['workflows', 'src/contract', 'src/domain', 'src/lane'];

/** What a value may keep from run to run: a variable, what is filled later, a regular expression that remembers its position. */
const KEEPS = [
  /^(?:export )?(?:let|var)\s/,
  /^[^=]*=\s*(?:\[\]|\{\}|Object\.create\(|new Array\b)/,
  /^[^=]*=\s*\/.+\/[a-z]*[gy][a-z]*;?\s*$/,
  /^(?:(?!=>|\bfunction\b)[\s\S])*\bnew (?:(?:Weak)?(?:Map|Set)\b|RegExp\([\s\S]*, ['"`][a-z]*[gy])/,
];

/** Statements of a module that keep something. Formatted code begins each of them, and nothing else, in the first column. */
const stateIn = (source: string): string[] =>
  source
    .split(/^(?=(?:export )?(?:const|let|var|function|class|async|type|interface|import|\/\*\*|\/\/)\s)/m)
    .filter((statement) => /^(?:export )?(?:const|let|var)\s/.test(statement))
    .filter((statement) => KEEPS.some((keeps) => keeps.test(statement)));

test('no module of workflow code keeps anything from run to run', () => {
  const product = files.filter((file) => file.endsWith('.ts') && AREAS.includes(areaOf(file)));
  expect(product.length).toBeGreaterThan(100);
  expect(product.flatMap((file) => stateIn(sourceOf(file)).map((statement) => `${file}: ${statement}`))).toEqual([]);
});

test.each([
  'let count = 0;\n',
  'export let last: string | undefined;\n',
  'var seen;\n',
  'const known = new Map<string, number>();\n',
  'export const KNOWN: ReadonlySet<string> = new Set(\n  LIST,\n);\n',
  'const of = { runs: new WeakMap() };\n',
  'const queue: string[] = [];\n',
  'const byId: Record<string, string> = {};\n',
  'const WORD = /[a-z]+/g;\n',
  "const WORD = new RegExp(NAME, 'gu');\n",
])('%j keeps something', (statement) => {
  expect(
    stateIn(`import x from 'y';\n\n/** A comment. */\n${statement}\nfunction f() {\n  let own = 1;\n}\n`),
  ).toHaveLength(1);
});

test.each([
  'const MAX = 5;\n',
  'const WORD = /[a-z]+/u;\n',
  'const LANE = new RegExp(NAME);\n',
  'const TABLE = { a: [], b: {} };\n',
  'const words = (text: string) => text.replaceAll(/a/g, () => new Set(text).size);\n',
  'function f() {\n  const own = new Map();\n}\n',
])('%j keeps nothing', (statement) => expect(stateIn(statement)).toEqual([]));
