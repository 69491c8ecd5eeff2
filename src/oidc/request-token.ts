import { readFileSync } from 'node:fs';
import { InvalidInput } from '../contract/brand.js';
import { parseToken } from '../contract/secret.js';
import { NoAnswer, send } from '../net/http.js';
import { isProtected } from '../net/loopback.js';
import { networkOf } from '../net/network.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Longest answer of GitHub's runner, in milliseconds and bytes. */
const ANSWER = { timeoutMs: 10_000, maxBytes: 64 * 1024 };

/**
 * The token that proves who runs a command: of `CANARY_OIDC_TOKEN`, of its file, or, with `CANARY_OIDC_AUDIENCE`, of GitHub Actions. Null if the
 * environment asks for none.
 * @throws {InvalidInput} above all without a payload key: a token must not be in a history in clear.
 */
export async function tokenFrom(env: Env): Promise<string | null> {
  const set = (name: string) => env[name]?.trim() || undefined;
  const [given, file, audience] = [
    set('CANARY_OIDC_TOKEN'),
    set('CANARY_OIDC_TOKEN_FILE'),
    set('CANARY_OIDC_AUDIENCE'),
  ];
  if (given !== undefined && file !== undefined)
    throw new InvalidInput('CANARY_OIDC_TOKEN and CANARY_OIDC_TOKEN_FILE are both set: keep one');
  const source = given
    ? 'CANARY_OIDC_TOKEN'
    : file
      ? 'CANARY_OIDC_TOKEN_FILE'
      : audience
        ? 'CANARY_OIDC_AUDIENCE'
        : null;
  if (source === null) return null;
  if (set('CANARY_PAYLOAD_KEY_FILE') === undefined)
    throw new InvalidInput(
      `${source} needs CANARY_PAYLOAD_KEY_FILE: without it, Temporal would store the token in clear`,
    );
  const text = given ?? (file ? read(file) : await fromRunner(env, audience ?? ''));
  const token = named(source, () => parseToken(text));
  if (token === '') throw new InvalidInput(`${source}: expected a token`);
  return token;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidInput(
      `CANARY_OIDC_TOKEN_FILE: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}: ${file}`,
    );
  }
}

function named<T>(variable: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof InvalidInput ? new InvalidInput(`${variable}: ${error.message}`) : error;
  }
}

/** Asks GitHub's runner for a token of the job. */
async function fromRunner(env: Env, audience: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: key } = env;
  const failed = (why: string) => new InvalidInput(`CANARY_OIDC_AUDIENCE: ${why}`);
  if (!address || !key || !URL.canParse(address) || !isProtected(new URL(address)))
    throw failed(
      'this is no job of GitHub Actions that may ask for a token (fix: permissions: id-token: write, or CANARY_OIDC_TOKEN)',
    );
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  try {
    const { status, body } = await send({
      method: 'GET',
      url,
      network: networkOf(env),
      headers: { authorization: `Bearer ${key}` },
      ...ANSWER,
    });
    const { value } = Object(status === 200 ? JSON.parse(body.toString('utf8')) : {}) as { value?: unknown };
    if (typeof value === 'string') return value;
    throw failed(`GitHub gave no token (status ${status})`);
  } catch (error) {
    if (error instanceof InvalidInput) throw error;
    throw failed(`GitHub gave no token (${error instanceof NoAnswer ? error.failure.what : 'not JSON'})`);
  }
}
