import { answers, check, del, get, post, type Suite, step, z } from '@canary-release-gate/canary/smoke';

const MEMORY = 'memory commit accepted';
const memories = '/workspaces/{workspace}/memories';
const id = z.object({ id: z.string().min(1) });

/** Suite for tenants that keep memories in workspaces. The fleet file sets `X-Molecule-Org-Id` for each tenant. */
export default [
  check(
    'liveness returns a subsystems map',
    'the tenant booted and its admin authentication is reachable',
    get('/admin/liveness'),
    answers(
      200,
      z.object({
        subsystems: z.record(z.string(), z.unknown()).refine((map) => Object.keys(map).length > 0, 'is empty'),
      }),
    ),
  ),
  check(
    'workspace list is JSON array',
    'workspace authentication and the database are healthy',
    get('/workspaces'),
    answers(200, z.array(z.unknown())),
  ),
  {
    name: MEMORY,
    proves: 'a workspace can be created, and a memory can be written in it',
    steps: [
      step(post('/workspaces', { name: 'canary-smoke-{probe}', external: true }), answers(201, id), {
        workspace: 'id',
      }),
      step(post(memories, { scope: 'LOCAL', namespace: 'canary-smoke', content: 'probe-{probe}' }), answers(201, id), {
        memory: 'id',
      }),
    ],
    writes: true,
    cleanUp: [del(`${memories}/{memory}`), del('/workspaces/{workspace}')],
  },
  check(
    'memory search finds the probe',
    'the memory that was written is found again',
    get(`${memories}?q=probe-{probe}&scope=LOCAL&namespace=canary-smoke`),
    answers(200, ({ probe }) => z.tuple([z.object({ content: z.literal(`probe-${probe}`) })])),
    { needs: MEMORY },
  ),
  check('events endpoint returns JSON', 'an admin can read events', get('/events'), answers(200, z.array(z.unknown()))),
  check(
    "unauth'd /admin/liveness returns 401",
    'the admin routes require authentication',
    get('/admin/liveness', 'none'),
    answers(401),
  ),
] satisfies Suite;
