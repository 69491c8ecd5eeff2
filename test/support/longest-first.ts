import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * File with the recorded duration of each test file in `npm test`, in seconds (`npm run durations` runs the tests and writes it); 0 for one of which nothing ran.
 * A new file counts as long, and in `npm run test:full` also one of which `npm test` runs nothing.
 */
export const RECORDED = join(import.meta.dirname, '..', 'durations.json');
const UNKNOWN_S = 20;
const ORDER = ['alone', 'quick', 'server'];

/** Starts with the longest file, so that none runs alone at the end; project by project, because a worker is reused only within one. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds: Record<string, number> = existsSync(RECORDED) ? JSON.parse(readFileSync(RECORDED, 'utf8')) : {};
    const root = this.ctx.config.root;
    const of = ({ moduleId }: TestSpecification) => {
      const recorded = seconds[relative(root, moduleId)];
      return process.env.CANARY_ALL_ROWS ? recorded || UNKNOWN_S : (recorded ?? UNKNOWN_S);
    };
    const tier = ({ project }: TestSpecification) => ORDER.indexOf(project.name);
    return [...files].sort((a, b) => tier(a) - tier(b) || of(b) - of(a) || a.moduleId.localeCompare(b.moduleId));
  }
}
