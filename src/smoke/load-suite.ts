import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';
import { InvalidInput } from '../contract/brand.js';
import { defaultSuite } from './default-suite.js';
import * as frontDoor from './index.js';
import type { Suite } from './suite.js';
import { suiteProblems } from './validate-suite.js';

/** A suite that could not be used, and all that is wrong with it. */
export class SuiteUnusable extends InvalidInput {
  override readonly name = 'SuiteUnusable';
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

/** The suite of a `.ts` or `.js` module, checked; the default suite without one. The module may import
 * `canary-release-gate/smoke` and `zod` wherever it lies: it gets the gate's own. docs/decisions/0006-user-suites.md
 * @throws {SuiteUnusable} */
export async function loadSuite(path: string | null): Promise<Suite> {
  if (path === null) return defaultSuite;
  const file = resolve(path);
  const jiti = createJiti(pathToFileURL(file).href, {
    fsCache: false,
    // A suite that was fixed is read again.
    moduleCache: false,
    interopDefault: false,
    virtualModules: {
      'canary-release-gate/smoke': frontDoor,
      zod: { ...frontDoor.z, z: frontDoor.z, default: frontDoor.z },
    },
  });
  let loaded: unknown;
  try {
    loaded = await jiti.import(file);
  } catch (error) {
    throw new SuiteUnusable([`did not load: ${firstLine(error)}`]);
  }
  const suite = (loaded as { default?: unknown } | null)?.default;
  if (suite === undefined) throw new SuiteUnusable(['has no default export: export default [...defaultSuite, mine]']);
  const problems = suiteProblems(suite);
  if (problems.length > 0) throw new SuiteUnusable(problems);
  return suite as Suite;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split('\n')[0] ?? '';
}
