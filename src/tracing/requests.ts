import { inSpan } from './spans.js';

/** What a span of an HTTP request may tell of its address. Neither query nor login: both may be secrets. */
export interface TracedRequest {
  method: string;
  url: URL;
  /** `path`: of a registry, whose paths name images; `nothing`: the address itself is a secret, as that of a webhook. By default its origin. */
  tells?: 'path' | 'nothing' | undefined;
}

/** Sends a request in a span, if the caller is traced. */
export const inRequest = <T extends { status: number }>(request: TracedRequest, send: () => Promise<T>): Promise<T> =>
  inSpan({ name: request.method, kind: 'client', attributes: () => addressOf(request) }, async (note) => {
    const answer = await send();
    note({ 'http.response.status_code': answer.status });
    return answer;
  });

function addressOf({ method, url, tells }: TracedRequest): Record<string, string | number> {
  if (tells === 'nothing') return { 'http.request.method': method };
  const scheme = url.protocol.slice(0, -1);
  return {
    'http.request.method': method,
    'url.scheme': scheme,
    'server.address': url.hostname,
    'server.port': Number(url.port) || (scheme === 'https' ? 443 : 80),
    ...(tells === 'path' && { 'url.path': url.pathname }),
  };
}
