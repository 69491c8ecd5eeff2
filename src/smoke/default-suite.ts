import * as z from 'zod';
import type { Check } from './check.js';
import type { Access } from './session.js';
import { answers, check, get, post, repeatable, type Suite } from './suite.js';
import type { SmokeWaits } from './waits.js';

const COMMIT = 'memory commit accepted';
const content = 'probe-{probe}';
const list = z.array(z.unknown());
const subsystems = z.record(z.string(), z.unknown()).refine((map) => Object.keys(map).length > 0, 'is empty');

/** Default suite of the gate, in order. Check names and requests match the script that the gate replaced, so reports stay comparable. */
export const defaultSuite: Check[] = [
  check(
    'liveness returns a subsystems map',
    'the tenant booted and its admin authentication is reachable',
    get('/admin/liveness'),
    answers(200, z.object({ subsystems })),
  ),
  check(
    'workspace list is JSON array',
    'workspace authentication and the database are healthy',
    get('/workspaces'),
    answers(200, list),
  ),
  check(
    COMMIT,
    'a memory can be written',
    post('/memories/commit', { scope: 'LOCAL', namespace: 'canary-smoke', content }),
    answers(201, z.object({ id: z.string().min(1) })),
    { writes: true },
  ),
  check(
    'memory search finds the probe',
    'the memory that was written is found again (it does not prove encryption)',
    get(`/memories/search?query=${content}`),
    answers(200, ({ probe }) => z.tuple([z.object({ content: z.literal(`probe-${probe}`) })])),
    { needs: COMMIT },
  ),
  check('events endpoint returns JSON', 'an admin can read events', get('/events'), answers(200, list)),
  check(
    "unauth'd /admin/liveness returns 401",
    'the admin routes require authentication',
    get('/admin/liveness', 'none'),
    answers(401),
  ),
];

/** Limits of a liveness check, in milliseconds. No retries: a live tenant answers at once. */
export const LIVENESS_WAITS: Partial<SmokeWaits> = { requestMs: 8_000, suiteMs: 8_000, retryBudgetMs: 0 };

/** Suite of one check: the first one that writes nothing, needs no other check and, without a token, sends none. */
export const livenessOf = (suite: Suite, { token }: Pick<Access, 'token'>): Suite =>
  repeatable(suite)
    .filter(({ steps }) => token !== '' || steps.every(({ request }) => request.as === 'none'))
    .slice(0, 1);
