import { InvalidInput, shown } from '../contract/brand.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Where spans go, by the standard variables of OpenTelemetry. */
export interface TraceSettings {
  url: URL;
  headers: Record<string, string>;
  /** Attributes of this process. */
  resource: Record<string, string>;
}

const read = (env: Env, name: string) => env[name]?.trim() || null;

/** Whether traces are wanted; everything else of them is loaded only then. */
export const wantsTraces = (env: Env): boolean =>
  (read(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read(env, 'OTEL_EXPORTER_OTLP_ENDPOINT')) !== null &&
  read(env, 'OTEL_SDK_DISABLED')?.toLowerCase() !== 'true' &&
  read(env, 'OTEL_TRACES_EXPORTER') !== 'none';

/** Reads the variables.
 * @throws {InvalidInput} which names the variable, and not its value: a header has a token, an address may have a password. */
export function traceSettings(env: Env, resource: Record<string, string>): TraceSettings {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
  const protocol = names.find((name) => read(env, name) !== null);
  if (protocol && read(env, protocol) === 'grpc')
    throw new InvalidInput(
      `${protocol}=grpc is not supported: traces are sent as JSON over HTTP (set http/json, and the port of HTTP, usually 4318)`,
    );
  return {
    url: endpointOf(env),
    headers: {
      ...pairsOf(env, 'OTEL_EXPORTER_OTLP_HEADERS', true),
      ...pairsOf(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', true),
    },
    resource: {
      'service.name': 'canary-release-gate',
      ...resource,
      ...pairsOf(env, 'OTEL_RESOURCE_ATTRIBUTES', false),
      ...(read(env, 'OTEL_SERVICE_NAME') && { 'service.name': String(read(env, 'OTEL_SERVICE_NAME')) }),
    },
  };
}

function endpointOf(env: Env): URL {
  const own = read(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const name = own === null ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
  const text = own ?? `${read(env, name) ?? ''}`.replace(/\/*$/, '/v1/traces');
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new InvalidInput(
      `invalid ${name}: expected an http or https address without a password, e.g. http://collector:4318`,
    );
  return url;
}

/** HTTP header that may be sent. */
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** `a=1,b=2`, each part encoded as in a URL. */
function pairsOf(env: Env, name: string, areHeaders: boolean): Record<string, string> {
  const parts = (read(env, name) ?? '').split(',').filter((part) => part.trim() !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [key, value] = [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)].map(decoded);
      const isValid = part.includes('=') && key && value && (!areHeaders || (HEADER.test(key) && isOneLine(value)));
      if (!isValid) throw new InvalidInput(`invalid ${name}: expected name=value pairs with commas between them`);
      return [areHeaders ? key.toLowerCase() : key, value];
    }),
  );
}

const isOneLine = (text: string) => /^[\x20-\x7e\x80-\xff]*$/.test(text);

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return null;
  }
}

/** Address that a log line may show. */
export const shownEndpoint = ({ url }: TraceSettings) => shown(url.origin);
