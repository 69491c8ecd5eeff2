// `npm run docs`: writes the generated pages: docs/cli.md, docs/configuration.md, docs/reference.md and the table of
// docs/runbook/holds.md. A test compares them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';

await setUp({ tools: [], build: true });
const { cliMarkdown } = await import('../dist/scripts/docs/cli.js');
const { configurationMarkdown } = await import('../dist/scripts/docs/configuration.js');
const { holdsTable, referenceMarkdown } = await import('../dist/scripts/docs/reference.js');
const docs = join(import.meta.dirname, '..', 'docs');
writeFileSync(join(docs, 'cli.md'), await cliMarkdown());
writeFileSync(join(docs, 'configuration.md'), configurationMarkdown());
writeFileSync(join(docs, 'reference.md'), referenceMarkdown());
const holds = join(docs, 'runbook', 'holds.md');
const between = /(<!-- generated: holds -->\n)[\s\S]*?(<!-- \/generated -->)/;
writeFileSync(
  holds,
  readFileSync(holds, 'utf8').replace(between, (_, begin, end) => `${begin}\n${holdsTable()}\n\n${end}`),
);
