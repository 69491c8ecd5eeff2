// `npm run docs`: writes the generated pages: docs/cli.md, docs/configuration.md, docs/reference.md and the tables of
// docs/runbook/holds.md and docs/monitoring.md. A test compares them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';

await setUp({ tools: [], build: true });
const { cliMarkdown } = await import('../dist/scripts/docs/cli.js');
const { configurationMarkdown } = await import('../dist/scripts/docs/configuration.js');
const { holdsTable, metricsTables, referenceMarkdown } = await import('../dist/scripts/docs/reference.js');
const docs = join(import.meta.dirname, '..', 'docs');
writeFileSync(join(docs, 'cli.md'), await cliMarkdown());
writeFileSync(join(docs, 'configuration.md'), configurationMarkdown());
writeFileSync(join(docs, 'reference.md'), referenceMarkdown());
writeTable(join('runbook', 'holds.md'), 'holds', holdsTable());
writeTable('monitoring.md', 'metrics', metricsTables());

/** Replaces what a page has between the marks of a generated table. */
function writeTable(page, name, table) {
  const file = join(docs, page);
  const between = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- /generated -->)`);
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(between, (_, begin, end) => `${begin}\n${table}\n\n${end}`),
  );
}
