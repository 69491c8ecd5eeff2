import { readGates } from '../../src/config/gates.js';
import { ConfigError } from '../../src/config/schema.js';
import { corpus } from '../support/corpus.js';

interface Input {
  /** Text of the gates file, or what is in it. */
  file: unknown;
}

corpus<Input>('gates', ({ file }) => {
  const gates = readGates({ CANARY_GATES_FILE: 'gates.json' }, () =>
    typeof file === 'string' ? file : JSON.stringify(file),
  );
  const all = [...(gates ?? [])];
  const problems = all.flatMap(([, gate]) => ('problems' in gate ? gate.problems : []));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(all);
});
