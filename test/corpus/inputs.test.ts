import { parseMoveInput } from '../../src/contract/move.js';
import { parseReleaseInput, parseRollbackInput, parseWatchInput, takeToken } from '../../src/domain/inputs.js';
import { corpus } from '../support/corpus.js';

const PARSERS = {
  release: (sent: unknown) => parseReleaseInput(takeToken(sent).rest),
  rollback: (sent: unknown) => parseRollbackInput(takeToken(sent).rest),
  watch: parseWatchInput,
  move: parseMoveInput,
};

interface Input {
  workflow: keyof typeof PARSERS;
  sent: unknown;
}

corpus<Input>('inputs', ({ workflow, sent }) => PARSERS[workflow](sent));
