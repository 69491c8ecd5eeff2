import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pullBuild, type Repository } from './images.js';
import { listenAgain } from './listen-again.js';
import { type Misbehavior, misbehaviorsOf } from './misbehaviors.js';
import { type Memory, parseMemory } from './tenant-memory.js';

/** Build of a tenant: a full sha, and a comma list or an array of misbehaviors. */
export interface TenantBuild {
  sha: string;
  misbehave?: string | readonly Misbehavior[];
}

/** Auto-updater of a tenant: every `cycleMs` it reads the tag, and restarts for `restartMs` on a new digest. */
export interface PullSpec extends Repository {
  tag: string;
  cycleMs: number;
  restartMs: number;
}

/** `running`; `restarting` and `down` refuse connections, the first for `restartMs`, the second until `recover()`. */
export type TenantState = 'running' | 'restarting' | 'down';

/** One request to a tenant. */
export interface TenantRequest {
  method: string;
  path: string;
  authorized: boolean;
  at: number;
  /** Status of the answer, once there is one. */
  status?: number;
}

/** A platform tenant: a real HTTP server on its own port. */
export type Tenant = Awaited<ReturnType<typeof startTenant>>;

type Answer = { status: number; body: unknown; html?: boolean } | 'never';
type Call = { method: string; url: URL; token: string | undefined; body: string };
const LIVE = { db: 'ok', scheduler: 'ok', memory: 'ok', events: 'ok' };

/** Starts a tenant; it runs `build`, or with `pull` the build of its tag, or nothing (reported as `dev`). */
export async function startTenant(options: {
  name: string;
  token: string;
  build?: TenantBuild;
  pull?: PullSpec;
  slowMs?: number;
}) {
  const requests: TenantRequest[] = [];
  const unforeseen: string[] = [];
  const stopping = new AbortController();
  let state: TenantState = 'running';
  let digest: string | undefined;
  let pullError: string | undefined;
  let sha = '';
  let bad: ReadonlySet<Misbehavior> = new Set();
  let memories: Memory[] = [];
  let pretends = false;
  let claimed: TenantBuild | undefined;
  const says = () => claimed?.sha ?? (bad.has('wrong-build') ? [...sha].reverse().join('') : sha);
  const hanging = new Set<ServerResponse>();
  let listening: Promise<void> = Promise.resolve();

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy()); // The caller disconnected, or the tenant stops.
  });
  await listenAgain(server, 0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port');
  const port = address.port;
  if (options.build) run(options.build);
  const pulling = options.pull && followTag(options.pull);

  function run(build: TenantBuild): void {
    bad = misbehaviorsOf(build.misbehave ?? []);
    sha = build.sha;
    claimed = undefined;
    // A new build is a new process: the memory of the previous one is lost, and its open requests fail.
    memories = [];
    for (const response of hanging) response.destroy();
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', origin());
    const { method = 'GET', headers } = request;
    const authorized = headers.authorization !== undefined;
    const seen: TenantRequest = { method, path: url.pathname, authorized, at: Date.now() };
    requests.push(seen);
    // These headers authenticate the web page of the tenant: a gate that sends them does not test authentication.
    if (headers.origin || headers.referer) unforeseen.push(`${method} ${url.pathname} with Origin or Referer`);
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = headers.authorization?.match(/^Bearer (.+)$/)?.[1];
    const answer = answerTo({ method, url, token, body });
    if (answer === 'never') return void hanging.add(response.once('close', () => hanging.delete(response)));
    if (bad.has('slow') && !isPublic(url)) await sleep(options.slowMs ?? 3_000, undefined, { signal: stopping.signal });
    seen.status = answer.status;
    response.statusCode = answer.status;
    response.setHeader('content-type', answer.html ? 'text/html' : 'application/json');
    response.end(answer.html ? `${answer.body}` : JSON.stringify(answer.body));
  }

  function answerTo(call: Call): Answer {
    const route = `${call.method} ${call.url.pathname}`;
    const shown = says() || 'dev';
    if (bad.has('bad-edge')) return page(502, '<h1>502 Bad Gateway</h1>');
    if (bad.has('unavailable')) return { status: 503, body: { error: 'starting' } };
    if (route === 'GET /health') {
      return ok(bad.has('no-build') ? { status: 'ok' } : { status: 'ok', sha: shown.slice(0, 7) });
    }
    if (route === 'GET /buildinfo') return ok({ git_sha: bad.has('no-build') ? 'dev' : shown });
    const handler = ADMIN[route];
    if (!handler) {
      unforeseen.push(route);
      return { status: 404, body: { error: 'not found' } };
    }
    const isCommit = route === 'POST /memories/commit';
    if (bad.has('hang') || (isCommit && bad.has('hang-commit'))) return 'never';
    if (bad.has('admin-unavailable')) return { status: 503, body: { error: 'starting' } };
    if (bad.has('bad-gateway')) return page(502, '<h1>502 Bad Gateway</h1>');
    if (bad.has('html-500')) return page(500, '<h1>Oops</h1><pre>panic: {"subsystems": ["id", "probe-"]}</pre>');
    const open = route === 'GET /admin/liveness' && bad.has('open-liveness');
    if (!open && (call.token !== options.token || bad.has('reject-token') || (isCommit && bad.has('reject-commit'))))
      return { status: 401, body: { error: 'admin token required' } };
    return handler(call);
  }

  const ADMIN: Record<string, (call: Call) => Answer> = {
    'GET /admin/liveness': ({ token }) =>
      ok({ subsystems: bad.has('empty-subsystems') ? {} : LIVE, ...(bad.has('echo-token') && { token }) }),
    'GET /workspaces': () =>
      ok(bad.has('workspaces-object') ? { workspaces: [] } : [{ id: 'ws-1', name: options.name }]),
    'GET /events': () =>
      bad.has('events-html') ? page(200, '<p>[ events ]</p>') : ok([{ id: 1, type: 'tenant.started' }]),
    'POST /memories/commit': ({ body }) => {
      const given = parseMemory(body);
      if (!given) {
        unforeseen.push('POST /memories/commit with a body that is not {scope,namespace,content}');
        return { status: 400, body: { error: 'scope, namespace and content are required' } };
      }
      const { scope, namespace, content } = given;
      const id = `mem-${memories.length + 1}`;
      memories.push({ id, scope, namespace, content });
      return { status: 201, body: bad.has('commit-no-id') ? { scope, namespace } : { id, scope, namespace } };
    },
    'GET /memories/search': ({ url }) => {
      const query = url.searchParams.get('query') ?? '';
      if (bad.has('search-echo')) return page(404, `<h1>Not found</h1><p>[no page for ${query}]</p>`);
      return ok(bad.has('memory-search') ? [] : memories.filter((memory) => memory.content.includes(query)));
    },
  };

  async function followTag(pull: PullSpec): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      try {
        const found = state === 'running' ? await pullBuild(pull, digest) : undefined;
        pullError = undefined;
        if (found && state === 'running') {
          digest = found.digest;
          await restart(pull.restartMs, () => take(found));
        }
      } catch (error) {
        pullError = String(error); // Like a real updater: it keeps the current build, and retries.
      }
      await sleep(pull.cycleMs, undefined, { signal }).catch(() => undefined);
    }
  }

  function take(found: TenantBuild): void {
    if (pretends) claimed = found;
    else run(found);
  }

  async function restart(ms: number, then: () => void): Promise<void> {
    await refuse('restarting');
    await sleep(ms, undefined, { signal: stopping.signal });
    try {
      then();
    } finally {
      if (state === 'restarting') await recover();
    }
  }

  async function refuse(as: TenantState): Promise<void> {
    await listening;
    state = as;
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async function recover(): Promise<void> {
    if (!server.listening) {
      listening = listenAgain(server, port);
      await listening;
    }
    state = 'running';
  }

  function origin(): string {
    return `http://127.0.0.1:${port}`;
  }

  return {
    name: options.name,
    token: options.token,
    url: origin(),
    /** Every request since the start, in order. */
    requests,
    /** Requests that a tenant does not implement; a test asserts that it is empty. */
    unforeseen,
    state: (): TenantState => (bad.has('bad-edge') || bad.has('unavailable') ? 'down' : state),
    /** Full sha of its build; empty before the first one. */
    sha: (): string => sha,
    /** Full sha of the build that it says it runs. */
    says,
    /** Error of the last read of the registry; undefined if it succeeded. */
    pullError: (): string | undefined => pullError,
    /** Sets its build, at once and without a restart. */
    run,
    /** From now on it says that it runs each build of its tag, and runs the one that it has; with false, it runs what it says. */
    pretend: (on: boolean): void => {
      pretends = on;
      if (!on && claimed) run(claimed);
    },
    /** Crashes: open connections break, new ones are refused, memories are lost, until `recover()`. */
    crash: async (): Promise<void> => {
      memories = [];
      await refuse('down');
    },
    recover,
    stop: async (): Promise<void> => {
      stopping.abort();
      await pulling;
      await refuse('down');
    },
  };
}

const isPublic = ({ pathname }: URL) => pathname === '/health' || pathname === '/buildinfo';

const ok = (body: unknown): Answer => ({ status: 200, body });

function page(status: number, body: string): Answer {
  return { status, body: `<!doctype html><html><body>${body}</body></html>`, html: true };
}
