import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Issue {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  labels: string[];
  comments: { body: string; created_at: string }[];
}

interface Deployment {
  id: number;
  sha: string;
  task: string;
  environment: string;
  payload: unknown;
  statuses: Record<string, unknown>[];
}

type Body = Record<string, unknown>;

const COMMIT_STATES = ['error', 'failure', 'pending', 'success'];
const DEPLOYMENT_STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'];

interface CommitStatus {
  sha: string;
  state: string;
  context: string;
  description: string;
  target_url?: string;
}

export interface GitHubRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  at: number;
}

export interface GitHubServer {
  readonly url: string;
  readonly requests: GitHubRequest[];
  readonly statuses: CommitStatus[];
  readonly deployments: Deployment[];
  readonly issues: Issue[];
  /** `METHOD path` of each request that GitHub would not know, or refuse as invalid. */
  readonly unforeseen: string[];
  /** Switch: an answer in place of GitHub's, before anything is done; undefined for none. */
  refuse: (request: GitHubRequest) => Answer | undefined;
  /** Switch: the answer is lost after the request was carried out. */
  loseAnswer: (request: GitHubRequest) => boolean;
  stop(): Promise<void>;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface GitHubOptions {
  repository: string;
  /** Tokens that are accepted. */
  token: string;
  /** Full shas of the repository. */
  commits: string[];
  /** Whether the token is that of an installation, for which an app asks. */
  isApp?: boolean;
}

const created = (body: unknown): Answer => ({ status: 201, body });
const ok = (body: unknown): Answer => ({ status: 200, body });
const invalid = (field: string): Answer => ({
  status: 422,
  body: { message: 'Validation Failed', errors: [{ field }] },
});

/** Starts an API that behaves as GitHub documents its REST API (2022-11-28), as far as the gate uses it. */
export async function startGitHub({ repository, token, commits, isApp = false }: GitHubOptions): Promise<GitHubServer> {
  const base = `/repos/${repository}`;
  let number = 100;

  const full = (sha: unknown) => commits.find((one) => one.startsWith(String(sha)));
  const isShort = (body: Body) => String(body.description ?? '').length <= 140;
  /** Route of the request, and what answers it: parts of the path, the query and the body. */
  const routes: [RegExp, (parts: string[], query: URLSearchParams, body: Body) => Answer][] = [
    [
      /^GET \/commits\/([0-9a-f]{7,40})$/,
      ([sha = '']) => {
        const found = full(sha);
        return found ? ok({ sha: found }) : { status: 422, body: { message: `No commit found for SHA: ${sha}` } };
      },
    ],
    [
      /^POST \/statuses\/([0-9a-f]{40})$/,
      ([sha = ''], _query, body) => {
        const { state, context, description, target_url } = body as unknown as CommitStatus;
        if (!commits.includes(sha) || !COMMIT_STATES.includes(state) || !isShort(body)) return invalid('state');
        github.statuses.push({ sha, state, context, description, ...(target_url && { target_url }) });
        return created({ id: ++number });
      },
    ],
    [
      /^GET \/deployments$/,
      (_parts, query) => {
        const wanted = (one: Deployment) =>
          one.sha === query.get('sha') &&
          one.task === query.get('task') &&
          one.environment === query.get('environment');
        return ok(github.deployments.filter(wanted).reverse());
      },
    ],
    [
      /^POST \/deployments$/,
      (_parts, _query, { ref, auto_merge, required_contexts, task, environment, payload }) => {
        const sha = full(ref);
        if (!sha) return invalid('ref');
        // Without this, GitHub merges the default branch, or waits for every check of the commit.
        if (auto_merge !== false || (required_contexts as unknown[])?.length !== 0) return { status: 409 };
        const [id, statuses] = [++number, []];
        const one = { id, sha, task: String(task), environment: String(environment), payload, statuses };
        github.deployments.push(one);
        return created(one);
      },
    ],
    [
      /^(GET|POST) \/deployments\/(\d+)\/statuses$/,
      ([method, id], query, body) => {
        const one = github.deployments.find((deployment) => deployment.id === Number(id));
        if (!one) return { status: 404 };
        if (method === 'GET') return ok([...one.statuses].reverse().slice(0, Number(query.get('per_page') ?? 30)));
        if (!DEPLOYMENT_STATES.includes(String(body.state)) || !isShort(body)) return invalid('state');
        one.statuses.push(body);
        return created({ id: ++number });
      },
    ],
    [
      /^GET \/issues$/,
      (_parts, query) => {
        const label = query.get('labels') ?? '';
        const listed = github.issues.filter((one) => one.state === query.get('state') && one.labels.includes(label));
        const [size, page] = [Number(query.get('per_page')), Number(query.get('page') ?? 1)];
        return ok(listed.slice((page - 1) * size, page * size));
      },
    ],
    [
      /^POST \/issues$/,
      (_parts, _query, { title, body, labels }) => {
        const texts = { title: String(title), body: String(body), labels: labels as string[] };
        const issue: Issue = { number: ++number, ...texts, state: 'open', comments: [] };
        github.issues.push(issue);
        return created(issue);
      },
    ],
    [
      /^(GET|POST|PATCH) \/issues\/(\d+)(?:\/comments)?$/,
      ([method, id], query, { body, state }) => {
        const issue = github.issues.find((one) => one.number === Number(id));
        if (!issue) return { status: 404 };
        if (method === 'GET') return ok(issue.comments.filter((one) => one.created_at >= (query.get('since') ?? '')));
        if (method === 'PATCH') issue.state = state as 'closed';
        else issue.comments.push({ body: String(body), created_at: new Date().toISOString() });
        return method === 'PATCH' ? ok(issue) : created({});
      },
    ],
  ];

  function serve({ method, path }: GitHubRequest, body: Body): Answer | undefined {
    const url = new URL(path, 'http://x');
    const route = `${method} ${url.pathname.slice(base.length)}`;
    for (const [form, answer] of routes) {
      const match = form.exec(route);
      if (match) return answer(match.slice(1), url.searchParams, body);
    }
    return undefined;
  }

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming;
      const request: GitHubRequest = { method, path, headers, at: Date.now() };
      github.requests.push(request);
      const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : {};
      const answer = answerTo(request, body);
      if (github.loseAnswer(request)) return outgoing.destroy();
      outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      return outgoing.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
  });

  function answerTo(request: GitHubRequest, body: Body): Answer {
    const refused = github.refuse(request);
    if (refused) return refused;
    const isForApp = isApp && /\/installation$|^\/app\//.test(request.path);
    if (!request.headers['user-agent']) return { status: 403, body: { message: 'User-Agent required' } };
    if (isForApp) {
      if (!/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(request.headers.authorization ?? '')) return { status: 401 };
      if (request.path === '/app/installations/42/access_tokens')
        return created({ token, expires_at: new Date(Date.now() + 3_600_000).toISOString() });
    } else if (request.headers.authorization !== `Bearer ${token}`)
      return { status: 401, body: { message: 'Bad credentials' } };
    if (!request.path.startsWith(base)) return { status: 404, body: { message: 'Not Found' } };
    const answer = isForApp ? ok({ id: 42 }) : serve(request, body);
    if (answer === undefined || answer.status === 409 || (answer.status === 422 && request.method !== 'GET'))
      github.unforeseen.push(`${request.method} ${request.path}`);
    return answer ?? { status: 404, body: { message: 'Not Found' } };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const github: GitHubServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    statuses: [],
    deployments: [],
    issues: [],
    unforeseen: [],
    refuse: () => undefined,
    loseAnswer: () => false,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return github;
}
