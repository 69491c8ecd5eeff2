import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidInputs } from '../contract/brand.js';
import { defaultSuite } from './default-suite.js';
import type { Suite } from './suite.js';
import { suiteProblems } from './validate-suite.js';

/** Every problem of a suite that could not be loaded or is invalid, one line each. */
export class SuiteError extends InvalidInputs {
  override readonly name = 'SuiteError';
}

/** Loads and validates the suite of a `.ts` or `.js` module; null gives the default suite. The module may be anywhere: its imports of
 * `@canary-release-gate/canary/smoke` and `zod` resolve to the ones of the gate (docs/decisions/0006-user-suites.md).
 * @throws {SuiteError} */
export async function loadSuite(path: string | null): Promise<Suite> {
  if (path === null) return defaultSuite;
  const file = resolve(path);
  // No one else needs it.
  const [{ createJiti }, publicApi] = await Promise.all([import('jiti'), import('./index.js')]);
  const jiti = createJiti(pathToFileURL(file).href, {
    fsCache: false,
    // Off, so that a fixed suite is loaded again.
    moduleCache: false,
    interopDefault: false,
    virtualModules: {
      '@canary-release-gate/canary/smoke': publicApi,
      zod: { ...publicApi.z, z: publicApi.z, default: publicApi.z },
    },
  });
  let loaded: unknown;
  try {
    loaded = await jiti.import(file);
  } catch (error) {
    throw new SuiteError([`did not load: ${firstLine(error)}`]);
  }
  const suite = (loaded as { default?: unknown } | null)?.default;
  if (suite === undefined) throw new SuiteError(['has no default export: export default [...defaultSuite, mine]']);
  const problems = problemsOf(suite);
  if (problems.length > 0) throw new SuiteError(problems);
  return suite as Suite;
}

/** What is wrong with a suite; also if its own code throws while it is looked at. */
function problemsOf(suite: unknown): string[] {
  try {
    return suiteProblems(suite);
  } catch (error) {
    return [`cannot be read: ${firstLine(error)}`];
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split('\n')[0]?.trim() ?? '';
}
