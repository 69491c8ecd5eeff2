import { InvalidInput } from '../../contract/brand.js';
import { parseToken } from '../../contract/secret.js';
import { NoAnswer, send } from '../../net/http.js';
import { isLoopback } from '../../net/loopback.js';
import { USER_AGENT } from '../../smoke/session.js';
import { FleetError, type FleetSource } from '../fleet.js';
import type { FileSources } from './file.js';
import { FleetSilent, MAX_FLEET, READ_TIMEOUT_MS, remoteFleet } from './remote.js';

const SETTING = 'CANARY_FLEET_URL';

export interface UrlFleetOptions {
  url: string;
  /** The token as it is now; null without one. */
  token: () => string | null;
  secrets: string[];
}

/** The fleet that an HTTP endpoint answers, as JSON. */
export function urlFleet({ url: text, token, secrets }: UrlFleetOptions, sources: FileSources): FleetSource {
  const problem = problemOf(text) ?? tokenProblem(token());
  const load = async (signal: AbortSignal) => {
    const authorization = parseToken(token() ?? '');
    const { status, body } = await send({
      method: 'GET',
      url: new URL(text),
      headers: {
        'user-agent': USER_AGENT,
        accept: 'application/json',
        ...(authorization && { authorization: `Bearer ${authorization}` }),
      },
      network: sources.network,
      timeoutMs: READ_TIMEOUT_MS,
      maxBytes: MAX_FLEET,
      signal,
    }).catch((error: unknown) => {
      // Neither the address nor the words of the network: reports show this.
      if (error instanceof NoAnswer) throw new FleetSilent(`no answer (${error.code})`);
      throw signal.aborted ? new FleetSilent('no answer in time') : error;
    });
    if (status === 429 || status >= 500) throw new FleetSilent(`status ${status}`);
    if (status !== 200) throw new FleetError([`${SETTING}: status ${status}: ${hintOf(status)}`]);
    return body.toString('utf8');
  };
  const fixed = URL.canParse(text) ? { url: `${new URL(text).origin}${new URL(text).pathname}` } : { url: '' };
  const isLocal = URL.canParse(text) && isLoopback(new URL(text).hostname);
  const problems = problem === null ? [] : [problem];
  return remoteFleet({ setting: SETTING, fixed, problems, secrets, isLocal, load }, sources);
}

/** What is wrong with the address. It is not repeated: it may contain a password. */
function problemOf(text: string): string | null {
  if (!URL.canParse(text)) return `${SETTING}: is not a URL: expected e.g. https://fleet.example.com/canary.json`;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `${SETTING}: has scheme ${url.protocol.slice(0, -1)}: expected https`;
  if (url.username || url.password) return `${SETTING}: has a user or password: a token belongs in CANARY_FLEET_TOKEN`;
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return `${SETTING}: is plain http: a fleet comes over https, or from this machine only`;
  return null;
}

function tokenProblem(token: string | null): string | null {
  try {
    parseToken(token ?? '');
    return null;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return `CANARY_FLEET_TOKEN: ${error.message}`;
  }
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) return 'the endpoint refuses CANARY_FLEET_TOKEN';
  if (status >= 300 && status < 400) return 'redirects are not followed: name the final address';
  return 'expected 200 with the JSON of a fleet';
}
