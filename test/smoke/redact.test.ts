import { describe, expect, test } from 'vitest';
import { createResultText } from '../../src/smoke/session.js';

const SECRET = 'adm1n/t0ken+of&"them"';
const resultText = createResultText([SECRET, 'eu']);

describe('createResultText', () => {
  test('redacts before it cuts, so that no part of a secret is left at the end', () => {
    expect(resultText(`${'x'.repeat(190)}${SECRET}`)).toBe(`${'x'.repeat(190)}[secret]`);
    expect(resultText(`${'x'.repeat(196)}${SECRET}`)).toBe(`${'x'.repeat(196)}[se…`);
  });

  test('redacts a secret that control characters and line breaks divide', () => {
    expect(resultText(`a ${[...SECRET].join('\u0001\n')} b`)).toBe('a [secret] b');
  });

  test('searches the start of a megabyte, within 50 ms of a usual one', () => {
    const took = (text: string) => {
      const began = process.cpuUsage().user;
      for (let i = 0; i < 5; i += 1) resultText(text);
      return (process.cpuUsage().user - began) / 5_000;
    };
    took('warm'.repeat(5_000));
    expect(took('VVVV'.repeat(256 * 1024))).toBeLessThan(took('VVVV'.repeat(4 * 1024)) + 50);
  });

  test('replaces control characters, which a terminal or a CI log would interpret', () => {
    expect(resultText('a\u001b[31m\r\n::error::b\u202ec')).toBe('a [31m ::error::b c');
  });

  test('only cuts a text without secrets', () => {
    expect(createResultText([''])('x'.repeat(300))).toHaveLength(200);
  });
});
