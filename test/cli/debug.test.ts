import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { debugLines } from '../../src/cli/debug.js';
import { send } from '../../src/net/http.js';
import { DIRECT } from '../../src/net/network.js';

const SECRET = 'user-secret-0123456789';
const env = { GITHUB_TOKEN: SECRET, CANARY_ADMIN_TOKENS: 'one-of-two-tokens,two-of-two-tokens', PATH: '/usr/bin' };

describe('--debug', () => {
  test('prints nothing of what a server sent that is not HTTP', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (request) => socket.end(`SSH-2.0 you sent ${request.toString('latin1')}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const headers = { authorization: `Basic ${SECRET}` };
    const url = new URL(`http://127.0.0.1:${port}/v2/`);
    const error = await send({ method: 'GET', url, network: DIRECT, headers, timeoutMs: 2_000, maxBytes: 100 }).catch(
      (why) => why,
    );
    server.close();
    expect((error.cause as { data?: string }).data, 'the parser keeps what it read').toContain('you sent');
    const text = debugLines(error, {}).join('\n');
    expect(text).toMatch(/^NoAnswer /);
    expect(text).toContain('caused by HTTPParserError: Response does not match');
    expect(text).toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    expect(text).not.toContain('SSH-2.0');
    expect(text).not.toContain(SECRET);
  });

  test('prints no property of an error, and no secret of the environment in a message', () => {
    const cause = Object.assign(new Error('the server said two-of-two-tokens'), { code: 7, details: 'raw-answer' });
    const error = new Error(`refused ${Buffer.from(SECRET).toString('base64')}`, { cause });
    const text = debugLines(error, env).join('\n');
    expect(text).toMatch(/^Error: refused .*\[secret\]/);
    expect(text).toContain('caused by Error [7]: the server said [secret]');
    expect(text).not.toMatch(/raw-answer|two-of-two/);
  });

  test('does not repeat the text that JSON.parse quotes, nor frames that a message forges', () => {
    const quoted = (() => {
      try {
        return JSON.parse('hunter2-and-more');
      } catch (error) {
        return error;
      }
    })();
    const text = debugLines(new Error('one\n    at forged (/a.ts:1:1)', { cause: quoted }), env).join('\n');
    expect(text).not.toContain('hunter2');
    expect(text.match(/forged/g)).toHaveLength(1);
    expect(text).toContain('caused by SyntaxError: invalid syntax');
  });

  test('ends on a circle of causes, and lists the errors of an aggregate', () => {
    const first = new Error('first');
    first.cause = new AggregateError([first, new TypeError('second'), 'text'], 'both');
    const heads = debugLines(first, env).filter((line) => !line.startsWith(' '));
    expect(heads).toEqual([
      'Error: first',
      'caused by AggregateError: both',
      'caused by TypeError: second',
      'caused by string',
    ]);
  });
});
