// `node dying-tenant.mjs <port> <token> <file> [route]`: a tenant that stores memories in a file, as in a database. On
// a request for `route`, it carries out the request, and exits before it answers.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, token, file, fatal] = process.argv.slice(2);
const memories = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);

const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const url = new URL(request.url, 'http://tenant');
  const route = `${request.method} ${url.pathname}`;
  const [status, body] = answer(route, url, request.headers.authorization, text);
  if (route === fatal) process.exit(1);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

function answer(route, url, authorization, text) {
  if (authorization !== `Bearer ${token}`) return [401, {}];
  if (route === 'GET /admin/liveness') return [200, { subsystems: { db: 'ok' } }];
  if (route === 'POST /memories/commit') {
    const id = `mem-${memories().length + 1}`;
    writeFileSync(file, JSON.stringify([...memories(), { ...JSON.parse(text), id }]));
    return [201, { id }];
  }
  const query = url.searchParams.get('query');
  return [200, query === null ? [] : memories().filter(({ content }) => content === query)];
}

server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
