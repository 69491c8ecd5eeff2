import { loadSuite, SuiteUnusable } from '../smoke/load-suite.js';
import type { Suite } from '../smoke/suite.js';
import { type Config, ConfigError, loadConfig } from './config.js';

/** The configuration and the suite that it names. What is wrong with either is told in one message.
 * @throws {ConfigError} */
export async function loadGateConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ config: Config; suite: Suite }> {
  const problems: string[] = [];
  let config: Config | undefined;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  // A name that is wrong already is not looked for.
  const named = !problems.some((problem) => problem.startsWith('CANARY_SMOKE_SUITE:'));
  const path = named ? env.CANARY_SMOKE_SUITE?.trim() || null : null;
  const suite = await loadSuite(path).catch((error: unknown) => {
    if (!(error instanceof SuiteUnusable)) throw error;
    problems.push(...error.problems.map((problem) => `CANARY_SMOKE_SUITE: ${problem}`));
    return [];
  });
  if (!config || problems.length > 0) throw new ConfigError(problems);
  return { config, suite };
}
