import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { parseDigest, parseRepository, parseTag, splitRepository } from '../../src/contract/image.js';
import { goDurationMs, retryAfterMs } from '../../src/net/retry-after.js';
import { type Challenge, mergeScopes, parseChallenges, parseScopes } from '../../src/registry/auth/challenge.js';
import { findEntry, parseDockerConfig } from '../../src/registry/auth/docker-config.js';
import { serverMessage } from '../../src/registry/transport/server-message.js';
import { inEveryForm } from '../../testbed/echo.js';
import { anyCharacter } from '../support/any-character.js';
import { findSecret } from '../support/leaks.js';

/** Hostile text: any characters, and many that have a meaning to a parser. */
const anyText = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.string({ unit: fc.constantFrom(...'aZ0 \t,;:="\\<>/.-_@%{}[]()\n\u0000é'), maxLength: 80 }),
);
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.'), minLength: 1, maxLength: 12 });

const throwsOnlyItsOwn = (parse: (text: string) => unknown, text: string) => {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    expect((error as Error).message).not.toMatch(/\n/);
  }
};

describe('references', () => {
  const hosts = fc.constantFrom(
    'ghcr.io',
    'localhost',
    'localhost:5000',
    '127.0.0.1:5000',
    '[::1]:5000',
    'a-b.example.com:443',
  );
  const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,2}$/);
  const paths = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

  test('a printed repository parses to the same registry and name', () => {
    fc.assert(
      fc.property(hosts, paths, (host, name) => {
        const repository = parseRepository(`${host}/${name}`);
        expect(`${repository}`).toBe(`${host}/${name}`);
        expect(splitRepository(repository)).toEqual({ host, name });
      }),
    );
  });
  test('invalid tags and digests are refused, valid ones are accepted', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/), (tag) => {
        expect(`${parseTag(tag)}`).toBe(tag);
      }),
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{64}$/), (hex) => {
        expect(`${parseDigest(`sha256:${hex}`)}`).toBe(`sha256:${hex}`);
        for (const none of [
          hex,
          `sha512:${hex}`,
          `sha256:${hex}0`,
          `sha256:${hex.slice(1)}`,
          `sha256:G${hex.slice(1)}`,
          `sha256:${hex}\n`,
        ])
          expect(() => parseDigest(none)).toThrow(InvalidInput);
      }),
    );
  });
  test('any text gives a value or InvalidInput, in one line', () => {
    for (const parse of [parseRepository, parseTag, parseDigest])
      fc.assert(fc.property(anyText, (text) => throwsOnlyItsOwn(parse, text)));
  });
});

describe('challenges', () => {
  const names = token.map((name) => name.toLowerCase()).filter((name) => !/^\d*$/.test(name));
  const params = fc.uniqueArray(fc.tuple(names, fc.string({ maxLength: 30 })), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 5,
  });
  const challenges = fc.array(fc.record({ scheme: names, params: params.map((pairs) => Object.fromEntries(pairs)) }), {
    minLength: 1,
    maxLength: 4,
  });
  const print = ({ scheme, params: given }: Challenge, gap: string, upper: boolean) => {
    const pairs = Object.entries(given).map(
      ([name, value]) => `${upper ? name.toUpperCase() : name}${gap}=${gap}"${value.replace(/[\\"]/g, '\\$&')}"`,
    );
    return `${upper ? scheme.toUpperCase() : scheme} ${pairs.join(`${gap},${gap}`)}`;
  };

  test('printed challenges parse to the same values: in one header or several, in any case, with gaps and quotes', () => {
    fc.assert(
      fc.property(
        challenges,
        fc.constantFrom('', ' ', ' \t'),
        fc.boolean(),
        fc.boolean(),
        (given, gap, upper, several) => {
          const printed = given.map((one) => print(one, gap, upper));
          expect(parseChallenges(several ? printed : printed.join(', '))).toEqual(given);
        },
      ),
    );
  });
  test('a value may be unquoted, and may follow a Negotiate challenge', () => {
    expect(parseChallenges('Negotiate YIIC+/==, bearer Realm=https://a.example/t?x=1,service=s')).toEqual([
      { scheme: 'negotiate', params: {} },
      { scheme: 'bearer', params: { realm: 'https://a.example/t?x=1', service: 's' } },
    ]);
    expect(parseChallenges(['Basic', 'NTLM, BEARER realm="x"'])).toEqual([
      { scheme: 'basic', params: {} },
      { scheme: 'ntlm', params: {} },
      { scheme: 'bearer', params: { realm: 'x' } },
    ]);
    expect(parseChallenges('Bearer realm="a",realm="b",__proto__="c"')[0]?.params.realm).toBe('a');
  });
  test('any header is parsed without an error', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.array(anyText)), (text) => {
        expect(Array.isArray(parseChallenges(text))).toBe(true);
      }),
    );
  });

  test('any header is parsed in less than a second', () => {
    const started = performance.now();
    for (const text of [
      `<a>${' '.repeat(16_000)}`,
      '<a>;a'.repeat(4_000),
      `<a>${';a ='.repeat(4_000)}`,
      '<'.repeat(16_000),
      `<a>; rel${' '.repeat(16_000)}`,
    ]) {
      parseChallenges(text);
      parseChallenges(`${text}${'a="'.repeat(5_000)}`);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 10, 24, 12);
  const cap = 15 * 60_000;
  /** Headers with a date to wait for, of a server whose clock is years from that of this machine. */
  const dated = (at: number, answered: number) => ({
    'retry-after': new Date(at).toUTCString(),
    date: new Date(answered).toUTCString(),
  });
  test('a printed pause parses to the same value, up to a cap: in seconds, as a date, in a message of GHCR', () => {
    fc.assert(
      fc.property(fc.nat(100_000), (seconds) => {
        const ms = Math.min(seconds * 1_000, cap);
        expect(retryAfterMs({ 'retry-after': `${seconds}` })).toBe(ms);
        expect(retryAfterMs(dated(now + seconds * 1_000, now))).toBe(ms);
        expect(retryAfterMs({}, `toomanyrequests: retry-after: ${seconds}s, allowed: 44000/minute`)).toBe(ms);
        expect(retryAfterMs(dated(now - seconds * 1_000, now))).toBe(0);
      }),
    );
  });
  test('durations in the format of Go are parsed', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        expect(goDurationMs(`${h}h${m}m${s}.${String(ms).padStart(3, '0')}s`)).toBeCloseTo(
          h * 3_600_000 + m * 60_000 + s * 1_000 + ms,
          3,
        );
      }),
    );
    expect(['880.092µs', '5ns', '7us', '3ms', '1.5h', '2', '', '1x', '-1s'].map((text) => goDurationMs(text))).toEqual([
      expect.closeTo(0.880092, 6),
      expect.closeTo(5e-6, 9),
      expect.closeTo(7e-3, 9),
      3,
      5_400_000,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
  test('any text gives no error, and no pause above the cap', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.array(anyText), fc.constant(undefined)), anyText, (header, words) => {
        const ms = retryAfterMs({ 'retry-after': header, date: header }, words);
        if (ms !== undefined) expect(ms >= 0 && ms <= cap).toBe(true);
      }),
    );
    for (const text of ['-1', '1e9', 'Infinity', 'NaN', '0x10', 'soon', '1/1/2030'])
      expect(retryAfterMs({ 'retry-after': text })).toBeUndefined();
  });
});

describe('Docker configurations', () => {
  const logins = fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('ghcr.io', 'quay.io', 'localhost:5000', 'a.example'),
      token,
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.endsWith('\0')),
    ),
    { selector: ([host]) => host },
  );
  test('a printed configuration gives the same logins', () => {
    fc.assert(
      fc.property(
        logins,
        fc.constantFrom('', 'https://', 'http://'),
        fc.constantFrom('', '/v1/', '/org'),
        (given, scheme, path) => {
          const auths = Object.fromEntries(
            given.map(([host, user, password]) => [
              `${scheme}${host}${path}`,
              { auth: Buffer.from(`${user}:${password}`).toString('base64') },
            ]),
          );
          const config = parseDockerConfig(JSON.stringify({ auths }), 'config.json');
          for (const [host, username, password] of given)
            expect(findEntry(config, host, 'x/y')).toEqual({ kind: 'basic', username, password });
        },
      ),
    );
  });
  test('any text gives a value or InvalidInput, in one line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.json(),
          fc
            .object({ key: fc.constantFrom('auths', 'credHelpers', 'credsStore', 'auth', 'ghcr.io', '__proto__') })
            .map((value) => JSON.stringify(value)),
        ),
        (text) =>
          throwsOnlyItsOwn((given) => findEntry(parseDockerConfig(given, 'config.json'), 'ghcr.io', 'a/b'), text),
      ),
    );
  });
});

describe('server messages and scopes', () => {
  test('any body gives one short line without control characters and secrets', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.json(),
          fc
            .object({ key: fc.constantFrom('errors', 'code', 'message', 'detail', 'error', 'details') })
            .map((value) => JSON.stringify(value)),
        ),
        token,
        (text, secret) => {
          const said = serverMessage(Buffer.from(text), [secret]);
          expect(said.text.length).toBeLessThanOrEqual(300);
          expect(said.text).not.toMatch(/\p{Cc}/u);
          if (secret.length > 3 && !'[secret]'.includes(secret))
            expect(`${said.text}${said.code ?? ''}`).not.toContain(secret);
        },
      ),
    );
    expect(serverMessage(Buffer.from(`${'x'.repeat(290)}correct-horse`), ['correct-horse']).text).not.toContain('corr');
  });

  test('a secret is replaced in each of its forms', () => {
    const secret = 'correct/"<b>horse"+?';
    const said = serverMessage(Buffer.from(`<p>you sent ${inEveryForm([secret])}</p>`), [secret]);
    expect(findSecret(new Map([['words', said.text]]), secret)).toEqual([]);
    expect(said.text).toMatch(/^you sent \[secret\]/);
    expect(said.text).not.toContain('horse');
  });

  test('a secret is replaced that the tags of a page divide', () => {
    const { text } = serverMessage(Buffer.from('<p>you sent corr<wbr>ect-h<b>orse</b>-bat</p>'), ['correct-horse-bat']);
    expect(text).toBe('you sent [secret]');
  });

  test('merged scopes name each resource once, with every action', () => {
    const scope = fc
      .tuple(
        fc.constantFrom('a', 'b/c', 'localhost:5000/d'),
        fc.subarray(['pull', 'push', 'delete', '*'], { minLength: 1 }),
      )
      .map(([name, actions]) => `repository:${name}:${actions.join(',')}`);
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 6 }), (scopes) => {
        const merged = mergeScopes(scopes);
        expect(parseScopes(merged.join(' '))).toEqual(merged);
        expect(mergeScopes(merged)).toEqual(merged);
        const pairs = (list: string[]) =>
          new Set(
            list.flatMap((one) =>
              one
                .slice(one.lastIndexOf(':') + 1)
                .split(',')
                .map((action) => `${one.slice(0, one.lastIndexOf(':'))}:${action}`),
            ),
          );
        expect(pairs(merged)).toEqual(pairs(scopes));
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(Array.isArray(mergeScopes(parseScopes(text)))).toBe(true);
      }),
    );
  });
});
