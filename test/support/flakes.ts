import type { Reporter, TestCase } from 'vitest/node';

/** More of them than that are no accident of a machine: the run fails. */
const MAX_FLAKY = 5;

/** Reporter that names, at the end, each test that failed and passed when it was repeated (`--retry`), with its first error: a bug to find. */
export default class Flakes implements Reporter {
  readonly #found: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (!test.diagnostic()?.flaky) return;
    const [error] = test.result().errors ?? [];
    this.#found.push(`${test.module.relativeModuleId} > ${test.fullName}\n  ${error?.message ?? 'without an error'}`);
  }

  onTestRunEnd(): void {
    process.stdout.write(
      `${[...this.#found.map((one) => `FLAKY ${one}`), `${this.#found.length} flaky`].join('\n')}\n`,
    );
    if (this.#found.length > MAX_FLAKY) process.exitCode = 1;
  }
}
