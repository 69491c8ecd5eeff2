import { spawn } from 'node:child_process';
import { InvalidInput } from '../../contract/brand.js';
import { parseJson } from '../../net/redact.js';
import type { Credentials } from '../context.js';
import { RegistryError } from '../transport/errors.js';

export interface HelperCall {
  host: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Names of variables that it gets besides the usual ones. */
  passed?: readonly string[];
  timeoutMs: number;
  /** Configuration that names the helper, for messages. */
  file: string;
}

const MAX_OUTPUT = 64 * 1024;

/**
 * Runs `docker-credential-<name> get`, as Docker does: the host on stdin, `{"Username","Secret"}` on stdout. Null if it does not know the host.
 * @throws {InvalidInput} naming helper and file, {RegistryError} if a retry may help; never the helper's output, which may hold a secret.
 */
export async function askHelper(name: string, call: HelperCall): Promise<Credentials | null> {
  const helper = `docker-credential-${name}`;
  const bad = (why: string) => new InvalidInput(`${helper}, which ${call.file} names, ${why}`);
  // Helpers use the network, so a failure may be transient.
  const transient = (why: string) => new RegistryError('transient', `${helper}, which ${call.file} names, ${why}`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new InvalidInput(
      `${call.file}: invalid credential helper ${JSON.stringify(name.slice(0, 40))}: expected letters, digits, dots and dashes`,
    );
  const server = call.host === 'index.docker.io' ? 'https://index.docker.io/v1/' : call.host;
  const { code, output } = await run(helper, server, call).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof HelperStopped) throw transient(`${error.message} (try: echo ${call.host} | ${helper} get)`);
    throw bad(error.code === 'ENOENT' ? 'is not on the PATH (install it)' : `cannot be run: ${error.code}`);
  });
  if (code !== 0) {
    if (/credentials not found/i.test(output)) return null;
    throw transient(`failed with exit code ${code} (try: echo ${call.host} | ${helper} get)`);
  }
  const found = parse(output);
  if (!found) throw bad('printed something else than Username and Secret');
  if (found.Secret === '') return null;
  if (found.Username === '<token>') return { kind: 'identity-token', token: found.Secret };
  return { kind: 'basic', username: found.Username, password: found.Secret };
}

class HelperStopped extends Error {}

/** What a helper gets of the environment: how to find its program, its login and its cloud, and no secret of the gate. */
const PASSED = [
  /^(?:PATH|HOME|USER|TMPDIR|DOCKER_CONFIG|SSL_CERT_FILE|SSL_CERT_DIR)$/,
  // Of pass and of the desktop's keyring.
  /^(?:GNUPGHOME|PASSWORD_STORE_DIR|DBUS_SESSION_BUS_ADDRESS)$/,
  /^(?:AWS|GOOGLE|CLOUDSDK|AZURE|XDG)_/,
  /^(?:https?|all|no)_proxy$/i,
  // Windows.
  /^(?:Path|PATHEXT|SystemRoot|USERPROFILE|APPDATA|LOCALAPPDATA)$/,
];

const environmentOf = ({ env, passed = [] }: HelperCall) =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => passed.includes(name) || PASSED.some((usual) => usual.test(name))),
  );

function run(helper: string, server: string, call: HelperCall): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // Detached, in a process group of its own: the helper's children end with it.
    const child = spawn(helper, ['get'], {
      env: environmentOf(call),
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
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
    const timer = setTimeout(() => stop(`did not answer within ${call.timeoutMs} ms`), call.timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.length > MAX_OUTPUT) stop('printed more than credentials');
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
    // A helper that does not read its input closes the pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${server}\n`);
  });
}

function parse(output: string): { Username: string; Secret: string } | null {
  // Go, in which Docker's helpers are written, reads names in any letter case.
  const fields = Object.entries(Object(parseJson(output)) as Record<string, unknown>);
  const field = (name: string) => fields.find(([key]) => key.toLowerCase() === name)?.[1];
  const [Username, Secret] = [field('username'), field('secret')];
  return typeof Username === 'string' && typeof Secret === 'string' ? { Username, Secret } : null;
}
