import { Agent, request } from 'node:http';

/** `node plain-move.js HOST TAG NAME…`: the move of both images by Node alone, with no check, login or retry: what a command could take at least. */
const [host = '', tag = '', ...names] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const ACCEPT = ['application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json'].join(', ');

function ask(method: string, path: string, headers: Record<string, string>, body?: Buffer) {
  return new Promise<{ type: string; body: Buffer }>((resolve, reject) => {
    const sent = request(`http://${host}/v2/${path}`, { method, headers, agent }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      resolve({ type: answer.headers['content-type'] ?? '', body: Buffer.concat(chunks) });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const moveOne = async (name: string) => {
  const read = (reference: string) => ask('GET', `${name}/manifests/${reference}`, { accept: ACCEPT });
  const [target] = await Promise.all([read(tag), read('latest')]);
  await ask('PUT', `${name}/manifests/latest`, { 'content-type': target.type }, target.body);
  const { body } = await read('latest');
  if (!body.equals(target.body)) throw new Error(`${name}: another build is at :latest`);
};
await Promise.all(names.map(moveOne));
process.exit();
