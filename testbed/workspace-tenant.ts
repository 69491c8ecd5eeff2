import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Faults of a workspace tenant. */
export const WORKSPACE_FAULTS = {
  'search-all': 'memory search answers with every memory there is, whatever was asked for',
  'search-none': 'memory search finds nothing',
  'memory-500': 'a memory cannot be written, though a workspace can',
  'dot-id': 'a new workspace gets the id ..',
  'keeps-workspaces': 'DELETE of a workspace answers 500',
} as const satisfies Record<string, string>;

type Memory = { id: string; scope: string; namespace: string; content: string };
type Answer = { status: number; body?: unknown };

/** Starts a tenant that stores memories per workspace, and answers an empty 404 to a request without its organization header. */
export async function startWorkspaceTenant(options: {
  token: string;
  org: string;
  /** Build that it reports. */
  sha?: string;
  fault?: keyof typeof WORKSPACE_FAULTS;
}) {
  const workspaces = new Map<string, Memory[]>();
  const unforeseen: string[] = [];
  const requests: string[] = [];
  let count = 0;

  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const url = new URL(request.url ?? '/', 'http://tenant');
    requests.push(`${request.method} ${url.pathname}`);
    const { status, body } = answer(request, url, text);
    response.statusCode = status;
    if (body === undefined) response.end();
    else response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(body));
  });

  function answer({ method, headers }: IncomingMessage, url: URL, text: string): Answer {
    if (headers['x-molecule-org-id'] !== options.org) return { status: 404 };
    if (url.pathname === '/buildinfo') return { status: 200, body: { git_sha: options.sha ?? 'dev' } };
    if (headers.authorization !== `Bearer ${options.token}`)
      return { status: 401, body: { error: 'admin token required' } };
    const route = `${method} ${url.pathname}`;
    if (route === 'GET /admin/liveness') return { status: 200, body: { subsystems: { db: 'ok' } } };
    if (route === 'GET /events') return { status: 200, body: [] };
    if (route === 'GET /workspaces') return { status: 200, body: [...workspaces.keys()].map((id) => ({ id })) };
    if (route === 'POST /workspaces') return create(text);
    const [, id = '', memory] = /^\/workspaces\/([^/]+)(?:\/memories(?:\/([^/]+))?)?$/.exec(url.pathname) ?? [];
    const memories = workspaces.get(id);
    if (!memories) {
      unforeseen.push(route);
      return { status: 404, body: { error: 'no such workspace' } };
    }
    if (url.pathname.includes('/memories')) return memoryAnswer(method ?? '', memories, memory, url, text);
    if (options.fault === 'keeps-workspaces') return { status: 500, body: { error: 'cannot' } };
    workspaces.delete(id);
    return { status: 204 };
  }

  function create(text: string): Answer {
    const { name, external } = JSON.parse(text);
    if (typeof name !== 'string' || external !== true) unforeseen.push('POST /workspaces without name and external');
    const id = options.fault === 'dot-id' ? '..' : `ws/${++count}`;
    workspaces.set(encodeURIComponent(id), []);
    return { status: 201, body: { id, name } };
  }

  function memoryAnswer(method: string, memories: Memory[], id: string | undefined, url: URL, text: string): Answer {
    if (method === 'DELETE') {
      const at = memories.findIndex((memory) => memory.id === id);
      if (at < 0) return { status: 404, body: { error: 'no such memory' } };
      memories.splice(at, 1);
      return { status: 204 };
    }
    if (method === 'POST') {
      if (options.fault === 'memory-500') return { status: 500, body: { error: 'disk full' } };
      const memory = { ...(JSON.parse(text) as Omit<Memory, 'id'>), id: `mem-${++count}` };
      memories.push(memory);
      return { status: 201, body: memory };
    }
    const { q = '', scope, namespace } = Object.fromEntries(url.searchParams);
    if (scope !== 'LOCAL' || !namespace) unforeseen.push('GET memories without scope and namespace');
    if (options.fault === 'search-none') return { status: 200, body: [] };
    if (options.fault === 'search-all') return { status: 200, body: [...memories, { id: 'mem-0', content: 'older' }] };
    return { status: 200, body: memories.filter(({ content }) => content.includes(q)) };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Requests that the tenant does not implement; a test asserts that it is empty. */
    unforeseen,
    /** Workspaces that were left behind. */
    workspaces: () => [...workspaces.keys()],
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
