import { expect, test } from 'vitest';
import { parseRollbackInput } from '../../src/domain/inputs.js';
import { parseRollbackRequest } from '../../src/lane/payloads/parse.js';

const RUN = { workflowId: 'rollback-4c1d56e', runId: '00000000-0000-0000-0000-000000000000' };

test.each(['', '  ', '\n'])('a rollback in the name of %j is in no name, and can be announced', (requestedBy) => {
  const input = parseRollbackInput({ sha: '4c1d56e', reason: 'it burns', requestedBy });
  expect(input).toEqual({ sha: '4c1d56e', reason: 'it burns' });
  const { requestedBy: by = 'unknown', ...rest } = input;
  expect(parseRollbackRequest({ ...RUN, ...rest, by, force: false })).toMatchObject({ by: 'unknown' });
});
