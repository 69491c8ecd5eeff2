import dns, { lookup } from 'node:dns';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { main } from '../../src/cli/main.js';

/** Connections and look-ups of names that were begun. */
let begun = 0;
const connect = Socket.prototype.connect;
beforeAll(() => {
  Socket.prototype.connect = function count(this: Socket, ...args: unknown[]) {
    begun += 1;
    return (connect as (...all: unknown[]) => Socket).apply(this, args);
  } as typeof connect;
  dns.lookup = ((...args: unknown[]) => {
    begun += 1;
    return (lookup as (...all: unknown[]) => unknown)(...args);
  }) as typeof lookup;
});
afterAll(() => {
  Socket.prototype.connect = connect;
  dns.lookup = lookup;
});

async function canary(...args: string[]) {
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  const terminal = { env: { TEMPORAL_ADDRESS: 'no-such-host.invalid:7233' }, out: print, err: print };
  const code = await main(args, { ...terminal, input: async () => '', signal: new AbortController().signal });
  return { code, text: printed.join('\n') };
}

const NAMES = COMMANDS.map(({ name }) => name);

describe('without a network', () => {
  test('the help of all, and of each command, is printed', async () => {
    expect((await canary('--help')).code).toBe(0);
    for (const name of NAMES) {
      const { code, text } = await canary(name, '--help');
      expect({ name, code }).toEqual({ name, code: 0 });
      expect(text).toContain(`Usage: canary ${name}`);
    }
    expect(begun).toBe(0);
  });

  test('a wrong command, option, sha or reason is told', async () => {
    const wrong = [
      ['relase'],
      ...NAMES.map((name) => [name, '--no-such-option']),
      ['release', 'HEAD'],
      ['release', '4c1d56e', '--soak', 'long'],
      ['release', '4c1d56e', '--allow', 'everything'],
      ['release', '4c1d56e', '--output', 'xml'],
      ['release', '4c1d56e', '--wait', '--timeout', 'long'],
      ['rollback', '4c1d56e'],
      ['rollback', '4c1d56e', '--reason', 'why', '--timeout', 'long'],
      ['approve', 'HEAD'],
      ['lane', 'no-such-command'],
      ['setup', '--retention', '1h'],
      ['status', 'HEAD'],
    ];
    for (const args of wrong) expect({ args, code: (await canary(...args)).code }).toEqual({ args, code: 2 });
    expect(begun).toBe(0);
  });

  test('a command that needs Temporal begins a connection: this test would notice', async () => {
    expect((await canary('queue')).code).toBe(4);
    expect(begun).toBeGreaterThan(0);
  }, 20_000);
});
