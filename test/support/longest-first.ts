import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Seconds that a file took when they were last recorded (`npm run durations`); one that is new is taken to be long. */
const RECORDED = join(import.meta.dirname, '..', 'durations.json');
const UNKNOWN_S = 20;
const ORDER = ['alone', 'quick', 'server'];

/** Begins with the file that takes longest, so that none is left alone at the end; project after project, for a worker is kept within one alone. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds: Record<string, number> = existsSync(RECORDED) ? JSON.parse(readFileSync(RECORDED, 'utf8')) : {};
    const root = this.ctx.config.root;
    const of = ({ moduleId }: TestSpecification) => seconds[relative(root, moduleId)] ?? UNKNOWN_S;
    const tier = ({ project }: TestSpecification) => ORDER.indexOf(project.name);
    return [...files].sort((a, b) => tier(a) - tier(b) || of(b) - of(a) || a.moduleId.localeCompare(b.moduleId));
  }
}
