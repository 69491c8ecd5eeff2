import { randomBytes } from 'node:crypto';
import { parseHttpAddress } from '../../../config/parsers.js';
import { readSetting } from '../../../config/schema.js';
import { InvalidInput } from '../../../contract/brand.js';
import { isLoopback } from '../../../net/loopback.js';
import { payloadCodec } from '../../../temporal/payloads/codec.js';
import { serveCodec } from '../../../temporal/payloads/codec-server.js';
import { KEY_FILE, payloadKeys, readNamedFile } from '../../../temporal/payloads/keys.js';
import { type Command, type Given, type Io, textOption } from '../../command.js';
import { EXIT } from '../../exit-codes.js';

const TOKEN_FILE = 'CANARY_CODEC_TOKEN_FILE';
/** Shortest token that is accepted, in characters. */
const MIN_TOKEN = 16;
/** Where the Temporal UI of a dev server is. */
const LOCAL_UI = ['http://127.0.0.1:8233', 'http://localhost:8233'];

export const codecServer: Command = {
  description: `Decrypt payloads for the Temporal UI and for temporal --codec-endpoint, with the keys of ${KEY_FILE}, until SIGTERM or Ctrl-C. Prints the endpoint, which has the token in its path.`,
  options: [{ flags: '--listen <host:port>', description: 'default: 127.0.0.1:8081; elsewhere, put TLS in front' }],
  environment: [
    KEY_FILE,
    `${TOKEN_FILE}: the token, at least ${MIN_TOKEN} characters; required off loopback, else made at each start`,
    'CANARY_UI_URL: the Temporal UI that a browser may call from (default: that of the dev server)',
  ],
  examples: ['CANARY_PAYLOAD_KEY_FILE=payload-keys canary codec-server'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const keys = payloadKeys(io.env);
  if (keys === null) throw new InvalidInput(`${KEY_FILE} is not set: there is nothing to decrypt with`);
  const { host, port } = parseHttpAddress(textOption(given, 'listen') ?? '127.0.0.1:8081');
  const ui = readSetting(io.env, 'uiUrl');
  const shownHost = host.includes(':') ? `[${host}]` : host;
  const token = tokenFor(shownHost, io.env);
  const { port: bound, close } = await serveCodec({
    host,
    port,
    codec: payloadCodec(keys, 'throw'),
    token,
    origins: ui ? [new URL(ui).origin] : LOCAL_UI,
  });
  io.out(`http://${shownHost}:${bound}/${token}`);
  io.err('the codec endpoint of the Temporal UI: paste it in its settings (the glasses); who has it can decrypt');
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    else io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await close();
  return EXIT.done;
}

/** @param host as in a URL: IPv6 in brackets.
 * @throws {InvalidInput} if the token is missing, unreadable or weak. */
function tokenFor(host: string, env: NodeJS.ProcessEnv): string {
  const token = readNamedFile(env, TOKEN_FILE)?.trim();
  if (token === undefined) {
    if (!isLoopback(host))
      throw new InvalidInput(`${TOKEN_FILE} is not set: required to listen on ${host}, which others can reach`);
    return randomBytes(24).toString('base64url');
  }
  if (!/^[\w.~-]+$/.test(token) || token.length < MIN_TOKEN)
    throw new InvalidInput(
      `${TOKEN_FILE}: expected at least ${MIN_TOKEN} letters, digits, dots, dashes or underscores`,
    );
  return token;
}
