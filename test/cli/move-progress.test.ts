import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROGRESS_MS, throttledProgress } from '../../src/cli/print/move-progress.js';
import { parseDigest, parseRepository } from '../../src/contract/image.js';

const image = (name: string, why = 'status 503: down') => ({
  repository: parseRepository(`ghcr.io/acme/${name}`),
  digest: parseDigest(`sha256:${'a'.repeat(64)}`),
  why,
});

describe('the progress of a move', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  test('is a line every 15 seconds for each image, with what was read and why the move continues', () => {
    const lines: string[] = [];
    const print = throttledProgress((line) => lines.push(line));
    for (let ms = 0; ms < 2 * PROGRESS_MS; ms += 500) {
      print(image('web'));
      vi.advanceTimersByTime(500);
    }
    print(image('worker', 'the write was accepted;\nreads do not show it yet'));
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(lines).toEqual([
      `ghcr.io/acme/web:latest is at ${digest}; the move continues: status 503: down`,
      `ghcr.io/acme/worker:latest is at ${digest}; the move continues: the write was accepted; reads do not show it yet`,
    ]);
  });
});
