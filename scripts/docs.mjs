// `npm run docs`: writes the pages that are generated: docs/cli.md and docs/configuration.md. A test compares them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';

await setUp({ tools: [], build: true });
const { cliMarkdown } = await import('../dist/scripts/docs/cli.js');
const { configurationMarkdown } = await import('../dist/scripts/docs/configuration.js');
const docs = join(import.meta.dirname, '..', 'docs');
writeFileSync(join(docs, 'cli.md'), cliMarkdown());
writeFileSync(join(docs, 'configuration.md'), configurationMarkdown());
