import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { RECORDED } from './longest-first.js';

const root = join(import.meta.dirname, '..', '..');

/**
 * Reporter that writes the duration of each test file, hooks included, in seconds to test/durations.json, so that `npm test` starts with the
 * longest: at least 1, and 0 for a file of which nothing ran. Files of other runs keep theirs.
 */
export default class Durations implements Reporter {
  readonly #seconds = new Map<string, number>(Object.entries(JSON.parse(readFileSync(RECORDED, 'utf8'))));

  onTestModuleEnd(module: TestModule): void {
    const ran = [...module.children.allTests()].some((test) => test.result().state !== 'skipped');
    const seconds = ran ? Math.max(1, Math.round(module.diagnostic().duration / 1_000)) : 0;
    this.#seconds.set(module.relativeModuleId, seconds);
  }

  onTestRunEnd(): void {
    const there = [...this.#seconds].filter(([file]) => existsSync(join(root, file)));
    const sorted = there.sort(([a], [b]) => a.localeCompare(b));
    writeFileSync(RECORDED, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  }
}
