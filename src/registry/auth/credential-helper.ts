import { spawn } from 'node:child_process';
import { InvalidInput } from '../../contract/brand.js';
import type { Credentials } from '../context.js';
import { RegistryError } from '../transport/errors.js';
import { parseJson } from '../transport/json.js';

export interface HelperCall {
  host: string;
  env: Readonly<Record<string, string | undefined>>;
  timeoutMs: number;
  /** Which configuration names the helper. */
  file: string;
}

const MAX_OUTPUT = 64 * 1024;

/**
 * Asks `docker-credential-<name> get`, as Docker does: the host on stdin, `{"Username","Secret"}` on stdout. Null when it does not know the host.
 * @throws {InvalidInput} naming helper and file, {RegistryError} when another try may help; never what the helper said, for that may hold a secret.
 */
export async function askHelper(name: string, call: HelperCall): Promise<Credentials | null> {
  const helper = `docker-credential-${name}`;
  const bad = (why: string) => new InvalidInput(`${helper}, which ${call.file} names, ${why}`);
  // Helpers ask networks: what went wrong now may go right in a moment.
  const passing = (why: string) => new RegistryError('transient', `${helper}, which ${call.file} names, ${why}`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new InvalidInput(
      `${call.file} names a credential helper ${JSON.stringify(name.slice(0, 40))}: that is no name`,
    );
  const server = call.host === 'index.docker.io' ? 'https://index.docker.io/v1/' : call.host;
  const { code, output } = await run(helper, server, call).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof HelperStopped)
      throw passing(`${error.message}: try it with: echo ${call.host} | ${helper} get`);
    throw bad(error.code === 'ENOENT' ? 'is not on the PATH: install it' : `cannot be run: ${error.code}`);
  });
  if (code !== 0) {
    if (/credentials not found/i.test(output)) return null;
    throw passing(`failed with exit code ${code}: see what it says: echo ${call.host} | ${helper} get`);
  }
  const told = parse(output);
  if (!told) throw bad('answered something else than Username and Secret');
  if (told.Secret === '') return null;
  if (told.Username === '<token>') return { kind: 'identity-token', token: told.Secret };
  return { kind: 'basic', username: told.Username, password: told.Secret };
}

class HelperStopped extends Error {}

function run(
  helper: string,
  server: string,
  { env, timeoutMs }: HelperCall,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // A group of its own: a helper's children go with it.
    const child = spawn(helper, ['get'], { env: { ...env }, stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    let output = '';
    const stop = (why: string) => {
      reject(new HelperStopped(why));
      child.stdout.destroy();
      if (child.pid !== undefined && child.exitCode === null) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          child.kill('SIGKILL');
        }
      }
    };
    const timer = setTimeout(() => stop(`said nothing within ${timeoutMs} ms`), timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.length > MAX_OUTPUT) stop('says more than credentials');
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
    // One that does not read what it is told ends the pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${server}\n`);
  });
}

function parse(output: string): { Username: string; Secret: string } | null {
  const { Username, Secret } = Object(parseJson(output)) as Record<string, unknown>;
  return typeof Username === 'string' && typeof Secret === 'string' ? { Username, Secret } : null;
}
