import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MESSAGES } from '../../scripts/docs/messages.js';
import { holdsTable, metricsTables, referenceMarkdown } from '../../scripts/docs/reference.js';
import * as messages from '../../src/contract/messages.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { repositoryRoot } from '../../testbed/tools.js';

const page = (name: string) => readFileSync(join(repositoryRoot, 'docs', name), 'utf8');
const keyOf = ({ type, name }: { type: string; name: string }) => `${type} ${name}`;

describe('docs/reference.md', () => {
  test('says what the contract says (npm run docs writes it)', () => {
    expect(page('reference.md')).toBe(referenceMarkdown());
  });

  test('lists every message of the contract', () => {
    const exported: unknown[] = Object.values(messages);
    const isDefinition = (value: unknown): value is { type: string; name: string } =>
      typeof value === 'object' && value !== null && 'type' in value && 'name' in value;
    const defined = [
      ...exported.filter(isDefinition),
      ...messages.LANE_COMMANDS.flatMap((name) => [messages.laneCommandUpdate(name), messages.laneCommandSignal(name)]),
    ];
    const listed = new Set(MESSAGES.map(({ definition }) => keyOf(definition)));
    expect(defined.map((definition) => keyOf(definition)).filter((key) => !listed.has(key))).toEqual([]);
  });

  test('says what each search attribute is', () => {
    for (const { name } of SEARCH_ATTRIBUTES)
      expect(referenceMarkdown()).toMatch(new RegExp(`\`${name}\` \\| \\w+ \\| \\S`));
  });
});

test('the table of docs/runbook/holds.md says what the contract says (npm run docs writes it)', () => {
  expect(page('runbook/holds.md')).toContain(`<!-- generated: holds -->\n\n${holdsTable()}\n\n<!-- /generated -->`);
});

test('the tables of docs/monitoring.md say what the table of metrics says (npm run docs writes them)', () => {
  expect(page('monitoring.md')).toContain(`<!-- generated: metrics -->\n\n${metricsTables()}\n\n<!-- /generated -->`);
});
