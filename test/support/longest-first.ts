import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** File with the recorded duration of each test file, in seconds (`npm run durations`); a new test file counts as long. */
const RECORDED = join(import.meta.dirname, '..', 'durations.json');
const UNKNOWN_S = 20;
const ORDER = ['alone', 'quick', 'server'];

/** Starts with the longest file, so that none runs alone at the end; project by project, because a worker is reused only within one. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds: Record<string, number> = existsSync(RECORDED) ? JSON.parse(readFileSync(RECORDED, 'utf8')) : {};
    const root = this.ctx.config.root;
    const of = ({ moduleId }: TestSpecification) => seconds[relative(root, moduleId)] ?? UNKNOWN_S;
    const tier = ({ project }: TestSpecification) => ORDER.indexOf(project.name);
    return [...files].sort((a, b) => tier(a) - tier(b) || of(b) - of(a) || a.moduleId.localeCompare(b.moduleId));
  }
}
