import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

const FILE = join(repositoryRoot, 'docs', 'benchmarks.md');
const HEAD = `# Benchmarks

Written by \`npm run bench -- <name>\`. Each section was measured in one run, side by side; machines are noisy, so read the ratios.
`;

/** Sorted; the middle one, and the one that nine of ten are below. */
export function median(values: number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** A Markdown table. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Puts a section in place of the one of that name, or at the end. */
export function writeSection(name: string, text: string): void {
  const old = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD;
  const [head = HEAD, ...sections] = old.split(/^(?=## )/m);
  const others = sections.filter((section) => !section.startsWith(`## ${name}\n`));
  const all = [...others, `## ${name}\n\n${text}\n\n${machine()}\n`].sort();
  writeFileSync(FILE, [head.trimEnd(), ...all.map((section) => section.trimEnd())].join('\n\n').concat('\n'));
}

function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown CPU'}, ${memory} GiB, ${type()} ${release()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.`;
}
