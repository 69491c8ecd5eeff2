import { z } from 'zod';
import { type Check, get, post } from './check.js';

const NAMESPACE = 'canary-smoke';
const content = (probe: string) => `probe-${probe}`;

/** The suite of the gate, in order. Names and requests are those people know from the old script (design §6). */
export const defaultSuite: Check[] = [
  {
    name: 'liveness returns a subsystems map',
    proves: 'the tenant booted and its admin authentication is reachable',
    request: () => get('/admin/liveness'),
    answer: () => ({
      status: 200,
      json: z.object({
        subsystems: z.record(z.string(), z.unknown()).refine((map) => Object.keys(map).length > 0, 'is empty'),
      }),
    }),
  },
  {
    name: 'workspace list is JSON array',
    proves: 'workspace authentication and the database are healthy',
    request: () => get('/workspaces'),
    answer: () => ({ status: 200, json: z.array(z.unknown()) }),
  },
  {
    name: 'memory commit accepted',
    proves: 'a memory can be written',
    request: (probe) => post('/memories/commit', { scope: 'LOCAL', namespace: NAMESPACE, content: content(probe) }),
    answer: () => ({ status: 201, json: z.object({ id: z.string().min(1) }) }),
    writes: true,
  },
  {
    name: 'memory search finds the probe',
    proves: 'the memory that was written is found again (it does not prove encryption)',
    request: (probe) => get(`/memories/search?query=${content(probe)}`),
    answer: (probe) => ({ status: 200, json: z.tuple([z.object({ content: z.literal(content(probe)) })]) }),
  },
  {
    name: 'events endpoint returns JSON',
    proves: 'an admin can read events',
    request: () => get('/events'),
    answer: () => ({ status: 200, json: z.array(z.unknown()) }),
  },
  {
    name: "unauth'd /admin/liveness returns 401",
    proves: 'the admin routes are closed to strangers',
    request: () => get('/admin/liveness', 'none'),
    answer: () => ({ status: 401 }),
  },
];
