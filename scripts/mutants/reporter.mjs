/** Reporter of a mutant's run: tells the parent process how the named test (`MUTANT_TEST`) ended, as soon as it has, and that the run has ended. */
export default class NamedTestReporter {
  onTestCaseResult(test) {
    if (fullName(test).endsWith(process.env.MUTANT_TEST)) process.send({ test: test.result().state });
  }

  onTestRunEnd() {
    process.send({ test: null });
  }
}

function fullName({ name, parent }) {
  return parent?.type === 'suite' ? `${fullName(parent)} ${name}` : name;
}
