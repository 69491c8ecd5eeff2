import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { answers, check, defaultSuite, get, post, z } from '../../src/smoke/index.js';
import { loadSuite, type SuiteUnusable } from '../../src/smoke/load-suite.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';

// Outside the project: nothing of it can be resolved from there, as in a container that mounts a suite.
const folder = mkdtempSync(join(tmpdir(), 'canary-suite-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function module(text: string, extension = 'ts'): string {
  const file = join(folder, `suite-${++count}.${extension}`);
  writeFileSync(file, text);
  return file;
}

const problemsOf = (file: string): Promise<string[] | null> =>
  loadSuite(file).then(
    () => null,
    (error: SuiteUnusable) => error.problems,
  );

describe('a suite is loaded', () => {
  const line = `check('mine', 'it works', get('/mine'), answers(200))`;
  test.each([
    [
      'ts',
      `import { type Suite, answers, check, defaultSuite, get } from 'canary-release-gate/smoke';\nconst mine: Suite = [${line}];\nexport default [...defaultSuite, ...mine] satisfies Suite;`,
    ],
    [
      'js',
      `import { answers, check, defaultSuite, get } from 'canary-release-gate/smoke';\nexport default [...defaultSuite, ${line}];`,
    ],
    [
      'mjs',
      `import { answers, check, defaultSuite, get } from 'canary-release-gate/smoke';\nexport default [...defaultSuite, ${line}];`,
    ],
    [
      'cjs',
      `const { answers, check, defaultSuite, get } = require('canary-release-gate/smoke');\nmodule.exports = { default: [...defaultSuite, ${line}] };`,
    ],
  ])('from .%s, wherever it lies', async (extension, text) => {
    const suite = await loadSuite(module(text, extension));
    expect(suite.map(({ name }) => name)).toEqual([...defaultSuite.map(({ name }) => name), 'mine']);
  });

  test('with zod by its own name, and with a module beside it', async () => {
    writeFileSync(join(folder, 'beside.ts'), `export const path: string = '/beside';`);
    const file = module(
      `import { z } from 'zod';\nimport { answers, check, get } from 'canary-release-gate/smoke';\nimport { path } from './beside';\nexport default [check('a', 'b', get(path), answers(200, z.array(z.string())))];`,
    );
    const [one] = await loadSuite(file);
    expect(one?.steps[0]?.request.path).toBe('/beside');
  });

  test('anew when it was mended', async () => {
    const file = module('export default [];');
    expect(await problemsOf(file)).toEqual(['the suite is empty: it would pass everything']);
    writeFileSync(file, `import { answers, check, get } from 'canary-release-gate/smoke';\nexport default [${line}];`);
    expect(await loadSuite(file)).toHaveLength(1);
  });

  test('as the default suite when none is named', async () => {
    expect(await loadSuite(null)).toBe(defaultSuite);
  });
});

describe('a module that cannot be used says why in a line', () => {
  test.each([
    ['throws', `throw new Error('no such luck')`, /^did not load: Error: no such luck$/],
    ['is no TypeScript', 'export default [', /^did not load: .*/],
    ['imports what is not there', `import 'not-there-at-all';`, /^did not load: .*not-there-at-all/],
    ['exports nothing', 'export const suite = [];', /^has no default export: /],
    ['exports no array', 'export default { name: 1 };', /^its default export must be an array of checks, got object$/],
  ])('%s', async (_what, text, problem) => {
    expect(await problemsOf(module(text))).toEqual([expect.stringMatching(problem)]);
  });
  test('is not there', async () => {
    expect(await problemsOf(join(folder, 'nowhere.ts'))).toEqual([
      expect.stringMatching(/^did not load: .*nowhere\.ts/),
    ]);
  });
});

describe('each problem of a suite is one line', () => {
  const good = check('good', 'it works', get('/good'), answers(200));
  const step = { request: get('/x'), answer: answers(200) };
  const one = { name: 'one', proves: 'it', steps: [step] };
  test.each<[string, unknown, string]>([
    ['no check', 'text', 'check 1: must be a check, e.g. check("events answer", "…", get("/events"), answers(200))'],
    ['no name', { ...one, name: '' }, 'check 1 "": name must be a text'],
    [
      'a name of two lines',
      { ...one, name: 'a\nb' },
      'check 1 "a\\nb": name must be one line of at most 120 characters',
    ],
    ['no proof', { name: 'one', steps: [step] }, 'check 1 "one": proves must be a text: what a pass shows'],
    ['no steps', { ...one, steps: [] }, 'check 1 "one": steps has none'],
    ['a slip of the pen', { ...one, need: 'x' }, 'check 1 "one": has "need", which is not known'],
    [
      'a verb',
      { ...one, steps: [{ ...step, request: { ...get('/x'), method: 'FETCH' } }] },
      'check 1 "one": steps[0].request.method must be GET, POST, PUT, PATCH or DELETE',
    ],
    [
      'a URL',
      { ...one, steps: [{ ...step, request: get('https://a.example/x') }] },
      'check 1 "one": steps[0].request.path must be a path, e.g. /events: one slash first, no spaces, nothing but ASCII',
    ],
    [
      'another host',
      { ...one, steps: [{ ...step, request: get('//a.example/x') }] },
      'check 1 "one": steps[0].request.path must be a path, e.g. /events: one slash first, no spaces, nothing but ASCII',
    ],
    [
      'credentials',
      { ...one, steps: [{ ...step, request: { ...get('/x'), as: 'root' } }] },
      'check 1 "one": steps[0].request.as must be admin, none, wrong or { captured: name }',
    ],
    [
      'a status',
      { ...one, steps: [{ ...step, answer: { status: 20 } }] },
      'check 1 "one": steps[0].answer.status must be a status, e.g. 200',
    ],
    [
      'no schema',
      { ...one, steps: [{ ...step, answer: { status: 200, json: { id: 'string' } } }] },
      'check 1 "one": steps[0].answer.json must be a zod schema, or a function that gives one',
    ],
    [
      'a body that is no JSON',
      { ...one, steps: [{ ...step, request: post('/x', { at: 1n }) }] },
      'check 1 "one": steps[0].request.json must be JSON',
    ],
    [
      'a name that nothing captures',
      check('one', 'it', get('/x/{id}'), answers(200)),
      'check 1 "one": steps[0] uses {id}, which nothing has captured before it',
    ],
    [
      'a token that nothing captures',
      check('one', 'it', get('/x', { captured: 'token' }), answers(200)),
      'check 1 "one": steps[0] uses {token}, which nothing has captured before it',
    ],
    [
      'a value that nothing captures',
      check(
        'one',
        'it',
        get('/x'),
        answers(200, ({ id }) => z.literal(id)),
      ),
      'check 1 "one": steps[0].answer.json throws: nothing has captured id',
    ],
    [
      'a function without a schema',
      check('one', 'it', get('/x'), answers(200, (() => 1) as never)),
      'check 1 "one": steps[0].answer.json gives no zod schema',
    ],
    [
      'the probe captured',
      check('one', 'it', get('/x'), answers(200), { capture: { probe: 'id' } }),
      'check 1 "one": steps[0] captures probe, which is the suite\'s own name',
    ],
    [
      'a need that is not there',
      check('one', 'it', get('/x'), answers(200), { needs: 'two' }),
      'check 1 "one": needs "two", and no earlier check has that name',
    ],
    [
      'clean-up without writes',
      check('one', 'it', get('/x'), answers(200), { cleanUp: [get('/y')] }),
      'check 1 "one": has clean-up, so it leaves something behind: say writes: true',
    ],
    [
      'clean-up of what nothing captures',
      check('one', 'it', get('/x'), answers(200), { writes: true, cleanUp: [get('/{id}')] }),
      'check 1 "one": cleanUp[0] uses {id}, which nothing captures',
    ],
  ])('%s', (_what, given, problem) => {
    expect(suiteProblems([given])).toEqual([problem]);
  });
  test('a name that is there twice', () => {
    expect(suiteProblems([good, good])).toEqual(['check 2 "good": its name appears twice']);
  });
  test('and all are told at once', () => {
    expect(suiteProblems([{ ...one, name: 1 }, good, { ...one, steps: 'none' }])).toEqual([
      'check 1: name must be a text',
      'check 3 "one": steps must be an array of steps',
    ]);
  });
  test('the suites of this project have none', async () => {
    expect(suiteProblems(defaultSuite)).toEqual([]);
  });
});
