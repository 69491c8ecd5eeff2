import { proxyRule, shownProxy } from '../../src/net/proxy.js';
import { corpus } from '../support/corpus.js';

interface Input {
  env: Record<string, string>;
  /** Default: a registry. */
  to?: string;
}

corpus<Input>('proxies', ({ env, to = 'https://ghcr.io/v2/' }) => {
  const proxy = proxyRule(env)(new URL(to));
  return proxy ? `${shownProxy(proxy)}${proxy.authorization ? ', with a login' : ''}` : 'direct';
});
