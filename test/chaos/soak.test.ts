import { expect, test } from 'vitest';
import type { Evidence } from '../../chaos/checker/evidence.js';
import { A, asked, at, B, GOOD, more, on, rulesOf } from './forged.js';

// B soaks from 10 s to its smoke at 18 s, with a probe of both tenants in each second.
const PROBES = [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
const one = (seconds: number, sha: string | null) => on(seconds, sha, ['canary-1']);
/** Without what canary-1 cannot have been asked. */
const down = (from: number, to: number, tenants: string[]) =>
  more({
    tenantStates: [...on(0, A), ...on(8, B), ...on(from, null, tenants), ...on(to, B, tenants)],
    tenantRequests: GOOD.tenantRequests.filter(
      (request) => !tenants.includes(request.tenant) || request.at < at(from) || request.at >= at(to),
    ),
  });
/** The checks of the watch answer canary-1 so, from some probe on. */
const failing = (status: number, from: number, to: number) =>
  more({
    tenantRequests: [
      ...GOOD.tenantRequests,
      ...PROBES.flatMap((second) =>
        asked(second, 'GET /workspaces', second >= from && second < to ? status : 200).slice(0, 1),
      ),
    ],
  });
const answered = (route: string, status: number | undefined) =>
  more({
    tenantRequests: GOOD.tenantRequests.map((request) => (request.route === route ? { ...request, status } : request)),
  });

test.each<[string, string, Evidence]>([
  ['I3', 'a tenant that was down for three probes of the other one', down(11.5, 14.8, ['canary-1'])],
  ['I3', 'a fleet that was down for longer than a watch may miss', down(11.5, 16, ['canary-1', 'canary-2'])],
  ['I3', 'a tenant whose checks failed for three probes', failing(502, 13, 16)],
  [
    'I3',
    'a tenant that said that it ran another build',
    more({ tenantStates: [...on(0, A), ...on(8, B), ...one(12.5, 'b'.repeat(40)), ...one(14.5, B)] }),
  ],
  ['I1', 'a smoke that a tenant answered with an error', answered('POST /memories/commit', 502)],
  ['I1', 'a smoke that a tenant did not answer', answered('GET /memories/search', undefined)],
])('the checker finds %s in %s', (rule, _what, evidence) => {
  expect(rulesOf(evidence)).toContain(rule);
});

test.each<[string, Evidence]>([
  ['a tenant that was down for a probe', down(11.5, 12.5, ['canary-1'])],
  ['a tenant whose checks failed once', failing(502, 13, 14)],
  ['a tenant that failed before the soak', failing(502, 0, 10)],
])('the checker accepts %s', (_what, evidence) => {
  expect(rulesOf(evidence)).toEqual([]);
});
