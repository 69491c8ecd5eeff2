import type { Config } from '../config/schema.js';
import { InvalidInput } from '../contract/brand.js';
import { NoJudgement } from '../smoke/kinds/judge.js';
import { isJudge, secretsOf } from '../smoke/kinds/table.js';
import type { Suite } from '../smoke/suite.js';
import type { Finding } from './finding.js';

const FIX = 'set what the suite names in the environment of the worker, or write the file beside the suite';

/** Whether the secrets are there that the judges of a suite name: without one, a judge could not test. Nothing is asked. */
export function checkJudges({ config: { judging }, suite }: { config: Config; suite: Suite }): Finding[] {
  return suite.filter(isJudge).flatMap((judge) =>
    secretsOf(judge).flatMap((source): Finding[] => {
      try {
        judging.secret(source);
        return [];
      } catch (error) {
        if (!(error instanceof NoJudgement || error instanceof InvalidInput)) throw error;
        const why = error instanceof NoJudgement ? error.got : error.message;
        const level = judge.observe ? 'warning' : 'stops';
        return [{ area: 'settings', level, what: `the check ${judge.name} could not test: ${why}`, fix: FIX }];
      }
    }),
  );
}
