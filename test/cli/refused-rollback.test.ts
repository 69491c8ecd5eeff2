import { expect, test } from 'vitest';
import { adviceAfter } from '../../src/cli/wait/start-rollback.js';
import type { RollbackReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';

const sha = parseSha('4c1d56e');
const after = (report: Partial<RollbackReport>) => adviceAfter({ report: report as RollbackReport }, { sha });

test('a refused rollback names the command that goes on; that of the policy, one without force', () => {
  expect(after({ refusal: 'needs-force' })).toBe('canary rollback 4c1d56e --force --reason …');
  expect(after({ refusal: 'needs-force', onlyFrom: sha })).toBe('canary rollback 4c1d56e --force --reason …');
  const own = 'canary rollback 4c1d56e --reason …   that was the automatic rollback; one that you begin goes on';
  expect(after({ refusal: 'latest-moved', onlyFrom: sha })).toBe(own);
  expect(after({ refusal: 'latest-moved', onlyFrom: sha, force: true })).toBeNull();
  expect(after({ refusal: 'not-announced' })).toBeNull();
  expect(after({})).toBeNull();
  expect(adviceAfter({ report: null }, { sha })).toBeNull();
});
