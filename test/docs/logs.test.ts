import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

/** Lines that the product logs by a literal: `log` of the SDK, or `logEvent`. Those of events have the name of the event. */
const LOGGED = /\blog(?:Event\(\s*'[A-Z]+',|\.(?:trace|debug|info|warn|error)\()\s*(?<message>[^,)]+)/g;

const logged = ['activities', 'src', 'workers', 'workflows'].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(join(repositoryRoot, folder, name), 'utf8').matchAll(LOGGED)])
    .map(({ groups }) => groups?.message?.trim() ?? ''),
);

describe('the lines that the product logs', () => {
  test('have a dotted name, no sentence', () => {
    expect(logged.length).toBeGreaterThan(25);
    expect(logged.filter((message) => !/^'[a-z]+(?:-[a-z]+)*(?:\.[a-z]+(?:-[a-z]+)*)+'$/.test(message))).toEqual([]);
  });

  test('are each in docs/operations.md', () => {
    const page = readFileSync(join(repositoryRoot, 'docs', 'operations.md'), 'utf8');
    expect(logged.filter((message) => !page.includes(`\`${message.slice(1, -1)}\``))).toEqual([]);
  });
});
