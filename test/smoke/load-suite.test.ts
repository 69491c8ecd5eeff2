import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { answers, check, defaultSuite, get, post, z } from '../../src/smoke/index.js';
import { loadSuite, type SuiteError } from '../../src/smoke/load-suite.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';

// Outside the repository, where Node resolves none of its packages, as in a container that mounts a suite.
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
    (error: SuiteError) => error.problems,
  );

describe('loadSuite', () => {
  const line = `check('mine', 'it works', get('/mine'), answers(200))`;
  test.each([
    [
      'ts',
      `import { type Suite, answers, check, defaultSuite, get } from '@canary-release-gate/canary/smoke';\nconst mine: Suite = [${line}];\nexport default [...defaultSuite, ...mine] satisfies Suite;`,
    ],
    [
      'js',
      `import { answers, check, defaultSuite, get } from '@canary-release-gate/canary/smoke';\nexport default [...defaultSuite, ${line}];`,
    ],
    [
      'mjs',
      `import { answers, check, defaultSuite, get } from '@canary-release-gate/canary/smoke';\nexport default [...defaultSuite, ${line}];`,
    ],
    [
      'cjs',
      `const { answers, check, defaultSuite, get } = require('@canary-release-gate/canary/smoke');\nmodule.exports = { default: [...defaultSuite, ${line}] };`,
    ],
  ])('a .%s suite is loaded from any directory', async (extension, text) => {
    const suite = await loadSuite(module(text, extension));
    expect(suite.map(({ name }) => name)).toEqual([...defaultSuite.map(({ name }) => name), 'mine']);
  });

  test('the example of other judges is loaded', async () => {
    const suite = await loadSuite('examples/suites/judges.ts');
    expect(suite.slice(defaultSuite.length)).toMatchObject([
      { kind: 'prometheus' },
      { kind: 'prometheus' },
      { kind: 'alerts' },
      { kind: 'command', observe: true },
      { kind: 'drift', observe: true },
    ]);
  });

  test('a suite may import zod, and a module next to it', async () => {
    writeFileSync(join(folder, 'beside.ts'), `export const path: string = '/beside';`);
    const file = module(
      `import { z } from 'zod';\nimport { answers, check, get } from '@canary-release-gate/canary/smoke';\nimport { path } from './beside';\nexport default [check('a', 'b', get(path), answers(200, z.array(z.string())))];`,
    );
    const [one] = await loadSuite(file);
    expect(one).toMatchObject({ steps: [{ request: { path: '/beside' } }] });
  });

  test('a suite is loaded again after it was fixed', async () => {
    const file = module('export default [];');
    expect(await problemsOf(file)).toEqual(['the suite is empty: it would pass every build']);
    writeFileSync(
      file,
      `import { answers, check, get } from '@canary-release-gate/canary/smoke';\nexport default [${line}];`,
    );
    expect(await loadSuite(file)).toHaveLength(1);
  });

  test('null gives the default suite', async () => {
    expect(await loadSuite(null)).toBe(defaultSuite);
  });
});

describe('loadSuite, of an unusable module', () => {
  test.each([
    ['that throws', `throw new Error('no such luck')`, /^did not load: Error: no such luck$/],
    ['that is not valid TypeScript', 'export default [', /^did not load: .*/],
    ['that imports a missing module', `import 'not-there-at-all';`, /^did not load: .*not-there-at-all/],
    ['without a default export', 'export const suite = [];', /^has no default export: /],
    [
      'whose default export is not an array',
      'export default { name: 1 };',
      /^its default export must be an array of checks, got \(an object\)$/,
    ],
  ])('a module %s is refused with one line', async (_what, text, problem) => {
    expect(await problemsOf(module(text))).toEqual([expect.stringMatching(problem)]);
  });
  test('a missing file is refused with one line', async () => {
    expect(await problemsOf(join(folder, 'nowhere.ts'))).toEqual([
      expect.stringMatching(/^did not load: .*nowhere\.ts/),
    ]);
  });
});

describe('suiteProblems', () => {
  const good = check('good', 'it works', get('/good'), answers(200));
  const step = { request: get('/x'), answer: answers(200) };
  const one = { name: 'one', proves: 'it', steps: [step] };
  test.each<[string, unknown, string]>([
    [
      'a string in place of a check',
      'text',
      'check 1: must be a check, e.g. check("events answer", "…", get("/events"), answers(200))',
    ],
    ['an empty name', { ...one, name: '' }, 'check 1 "": name must be a non-empty string'],
    [
      'a name of two lines',
      { ...one, name: 'a\nb' },
      'check 1 "a\\nb": name must be one line of at most 120 characters',
    ],
    [
      'no proves',
      { name: 'one', steps: [step] },
      'check 1 "one": proves must be a non-empty string: what a pass proves',
    ],
    ['an empty list of steps', { ...one, steps: [] }, 'check 1 "one": steps must not be empty'],
    ['a misspelled field', { ...one, need: 'x' }, 'check 1 "one": has "need", which is not known'],
    [
      'an unknown method',
      { ...one, steps: [{ ...step, request: { ...get('/x'), method: 'FETCH' } }] },
      'check 1 "one": steps[0].request.method must be GET, POST, PUT, PATCH or DELETE',
    ],
    [
      'a URL as path',
      { ...one, steps: [{ ...step, request: get('https://a.example/x') }] },
      'check 1 "one": steps[0].request.path must be a path, e.g. /events: exactly one slash first, no spaces, only ASCII',
    ],
    [
      'a path on another host',
      { ...one, steps: [{ ...step, request: get('//a.example/x') }] },
      'check 1 "one": steps[0].request.path must be a path, e.g. /events: exactly one slash first, no spaces, only ASCII',
    ],
    [
      'unknown credentials',
      { ...one, steps: [{ ...step, request: { ...get('/x'), as: 'root' } }] },
      'check 1 "one": steps[0].request.as must be admin, none, wrong or { captured: name }',
    ],
    [
      'an invalid status',
      { ...one, steps: [{ ...step, answer: { status: 20 } }] },
      'check 1 "one": steps[0].answer.status must be a status, e.g. 200',
    ],
    [
      'an object in place of a schema',
      { ...one, steps: [{ ...step, answer: { status: 200, json: { id: 'string' } } }] },
      'check 1 "one": steps[0].answer.json must be a zod schema, or a function that returns one',
    ],
    [
      'a body that is not JSON',
      { ...one, steps: [{ ...step, request: post('/x', { at: 1n }) }] },
      'check 1 "one": steps[0].request.json must be JSON',
    ],
    [
      'a name that nothing captures',
      check('one', 'it', get('/x/{id}'), answers(200)),
      'check 1 "one": steps[0] uses {id}, which no earlier step captures',
    ],
    [
      'a token that nothing captures',
      check('one', 'it', get('/x', { captured: 'token' }), answers(200)),
      'check 1 "one": steps[0] uses {token}, which no earlier step captures',
    ],
    [
      'a value that nothing captures',
      check(
        'one',
        'it',
        get('/x'),
        answers(200, ({ id }) => z.literal(id)),
      ),
      'check 1 "one": steps[0].answer.json throws: id was not captured',
    ],
    [
      'a function that returns no schema',
      check('one', 'it', get('/x'), answers(200, (() => 1) as never)),
      'check 1 "one": steps[0].answer.json does not return a zod schema',
    ],
    [
      'a capture named probe',
      check('one', 'it', get('/x'), answers(200), { capture: { probe: 'id' } }),
      'check 1 "one": steps[0] captures probe, which is a reserved name',
    ],
    [
      'an unknown needs',
      check('one', 'it', get('/x'), answers(200), { needs: 'two' }),
      'check 1 "one": needs "two", but no earlier check has that name',
    ],
    [
      'cleanUp without writes',
      check('one', 'it', get('/x'), answers(200), { cleanUp: [get('/y')] }),
      'check 1 "one": has cleanUp, so it leaves something behind: set writes: true',
    ],
    [
      'a cleanUp name that nothing captures',
      check('one', 'it', get('/x'), answers(200), { writes: true, cleanUp: [get('/{id}')] }),
      'check 1 "one": cleanUp[0] uses {id}, which no step captures',
    ],
  ])('%s is one problem', (_what, given, problem) => {
    expect(suiteProblems([given])).toEqual([problem]);
  });
  test('a duplicate name is a problem', () => {
    expect(suiteProblems([good, good])).toEqual(['check 2 "good": another check has the same name']);
  });
  test('all problems are reported together', () => {
    expect(suiteProblems([{ ...one, name: 1 }, good, { ...one, steps: 'none' }])).toEqual([
      'check 1: name must be a non-empty string',
      'check 3 "one": steps must be an array of steps',
    ]);
  });
  test('the default suite has no problems', async () => {
    expect(suiteProblems(defaultSuite)).toEqual([]);
  });
});
