import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { loadSuite, SuiteError } from '../../src/smoke/load-suite.js';
import { corpus } from '../support/corpus.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-suites-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Input {
  /** Text of the module. */
  module: string;
  name?: string;
}

let made = 0;
/** Problems without the folder of this run. */
class Refused extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join('; ').slice(0, 8_000));
  }
}

corpus<Input>(
  'suites',
  async ({ module, name = 'suite.ts' }) => {
    made += 1;
    const file = join(folder, `${made}-${name}`);
    writeFileSync(file, module);
    try {
      return (await loadSuite(file)).map((check) => check.name);
    } catch (error) {
      if (!(error instanceof SuiteError)) throw error;
      throw new Refused(error.problems.map((problem) => problem.replaceAll(`${folder}/${made}-`, '/gate/')));
    }
  },
  [Refused],
);
