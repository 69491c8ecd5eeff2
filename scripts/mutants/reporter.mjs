/** Reporter of a mutant's run: tells the parent process how the named test (`MUTANT_TEST`) ended, and of what, as soon as it has, and that the run has ended. */
export default class NamedTestReporter {
  onTestCaseResult(test) {
    if (!fullName(test).endsWith(process.env.MUTANT_TEST)) return;
    const { state, errors = [] } = test.result();
    process.send({ test: state, kind: errors.length > 0 ? kindOf(errors) : null });
  }

  onTestRunEnd() {
    process.send({ test: null });
  }
}

/** What vitest says of a test or a hook that did not end in time. */
const TIMED_OUT = /^(?:Test|Hook) timed out in \d+ ?ms/;
/** Errors of code that is broken as code: no test looks for them. */
const BROKEN = /^(?:ReferenceError|SyntaxError)$/;

/** `timed-out`, if nothing but time ended the test; `broken`, if the code does not run; else the name of its error. */
function kindOf(errors) {
  if (errors.every(({ message }) => TIMED_OUT.test(message))) return 'timed-out';
  if (errors.every(({ name }) => BROKEN.test(name))) return 'broken';
  return errors[0].name;
}

function fullName({ name, parent }) {
  return parent?.type === 'suite' ? `${fullName(parent)} ${name}` : name;
}
