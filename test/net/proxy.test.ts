import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { parseProxy, proxyRule, shownProxy } from '../../src/net/proxy.js';

const PROXIES = { HTTPS_PROXY: 'http://secure.example:3128', HTTP_PROXY: 'http://plain.example:3128' };
const via = (env: Record<string, string>, url: string) => proxyRule(env)(new URL(url))?.url.host ?? null;

describe('the proxy of a destination', () => {
  test.each<[string, Record<string, string>, string, string | null]>([
    ['https goes by HTTPS_PROXY', PROXIES, 'https://ghcr.io/', 'secure.example:3128'],
    ['http goes by HTTP_PROXY', PROXIES, 'http://registry.example/', 'plain.example:3128'],
    ['https does not go by HTTP_PROXY', { HTTP_PROXY: 'http://p:1' }, 'https://ghcr.io/', null],
    ['small letters count', { https_proxy: 'http://small:1' }, 'https://ghcr.io/', 'small:1'],
    [
      'capital letters count first',
      { HTTPS_PROXY: 'http://big:1', https_proxy: 'http://s:1' },
      'https://a.io/',
      'big:1',
    ],
    ['an empty variable counts as unset', { HTTPS_PROXY: ' ', https_proxy: 'http://s:1' }, 'https://a.io/', 's:1'],
    ['a scheme may be left out', { HTTPS_PROXY: 'proxy:3128' }, 'https://ghcr.io/', 'proxy:3128'],
    ['localhost goes directly', PROXIES, 'https://localhost:5000/', null],
    ['127.0.0.0/8 goes directly', PROXIES, 'http://127.1.2.3:5000/', null],
    ['::1 goes directly', PROXIES, 'http://[::1]:5000/', null],
  ])('%s', (_what, env, url, expected) => {
    expect(via(env, url)).toBe(expected);
  });

  test.each<[string, string, string[], string[]]>([
    ['*', 'everything', ['https://ghcr.io/', 'https://10.1.2.3/'], []],
    [
      'example.com',
      'a name and all below it',
      ['https://example.com/', 'https://a.b.EXAMPLE.com/'],
      ['https://badexample.com/'],
    ],
    ['.example.com', 'all below a name', ['https://a.example.com/'], ['https://example.com/']],
    ['*.example.com', 'the same with a star', ['https://a.example.com/'], ['https://example.com/']],
    ['example.com:8443', 'a name with a port', ['https://example.com:8443/'], ['https://example.com/']],
    ['example.com:443', 'the port of the scheme', ['https://example.com/'], ['https://example.com:8443/']],
    [
      '10.0.0.7',
      'an address',
      ['https://10.0.0.7/', 'https://10.0.0.7:5000/'],
      ['https://10.0.0.70/', 'https://x.10.0.0.7.io/'],
    ],
    [
      '10.0.0.0/8, fd00::/8',
      'networks',
      ['https://10.200.3.4/', 'https://[fd00::7]/'],
      ['https://11.0.0.1/', 'https://[fe00::7]/'],
    ],
    [
      'fd00:0:0::7, Bücher.example',
      'what a URL writes otherwise',
      ['https://[fd00::7]/', 'https://bücher.example/'],
      ['https://[fd00::8]/'],
    ],
    ['fd00::7', 'an address of IPv6', ['https://[fd00::7]:5000/'], ['https://[fd00::8]/']],
    ['[fd00::7]:5000', 'an address of IPv6 with a port', ['https://[fd00::7]:5000/'], ['https://[fd00::7]/']],
    [
      '  a.io ,\tb.io  c.io',
      'several, with blanks',
      ['https://a.io/', 'https://b.io/', 'https://c.io/'],
      ['https://d.io/'],
    ],
    [
      '10.0.0.0/99, /8, :5000, ,',
      'what is not valid excludes nothing',
      [],
      ['https://10.0.0.1/', 'https://a.io:5000/'],
    ],
    ['example.com.', 'a dot at the end', [], ['https://example.org/']],
  ])('NO_PROXY=%j excludes %s', (list, _what, direct, proxied) => {
    for (const url of direct)
      expect({ url, via: via({ ...PROXIES, NO_PROXY: list }, url) }).toEqual({ url, via: null });
    for (const url of proxied) expect(via({ ...PROXIES, no_proxy: list }, url)).toBe('secure.example:3128');
  });
});

describe('the address of a proxy', () => {
  test('that is not supported stops nothing that goes past it', () => {
    const rule = proxyRule({ HTTPS_PROXY: 'socks5://proxy:1080', NO_PROXY: 'example.com' });
    for (const url of ['https://localhost/', 'https://example.com/', 'http://ghcr.io/'])
      expect(rule(new URL(url))).toBeNull();
    expect(() => rule(new URL('https://ghcr.io/'))).toThrow(
      'HTTPS_PROXY: proxies of scheme socks5 are not supported: expected http or https',
    );
  });

  test('has its credentials apart, and never in what is shown', () => {
    const proxy = parseProxy('http://me:p%40ss%3Aword@proxy:3128/', 'HTTPS_PROXY');
    expect(proxy.authorization).toBe(`Basic ${Buffer.from('me:p@ss:word').toString('base64')}`);
    expect(`${shownProxy(proxy)} ${proxy.url}`).toBe('proxy proxy:3128 (HTTPS_PROXY) http://proxy:3128/');
    expect(parseProxy('http://me:100%@proxy', 'x').authorization).toBe(
      `Basic ${Buffer.from('me:100%').toString('base64')}`,
    );
    expect(parseProxy('http://me@proxy', 'x').authorization).toBe(`Basic ${Buffer.from('me:').toString('base64')}`);
  });

  test.each(['http://me:secret word@', 'ftp://me:secret@proxy', 'socks5://me:secret@proxy', '://secret'])(
    '%j is refused without a word of it',
    (text) => {
      const error = (() => {
        try {
          return proxyRule({ https_proxy: text })(new URL('https://ghcr.io/'));
        } catch (why) {
          return why;
        }
      })() as Error;
      expect(error).toBeInstanceOf(InvalidInput);
      expect(error.message).toMatch(/^https_proxy: /);
      expect(error.message).not.toContain('secret');
    },
  );
});
