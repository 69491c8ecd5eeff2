import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

const FILE = join(repositoryRoot, 'docs', 'benchmarks.md');
const HEAD = `# Benchmarks

Written by \`npm run bench -- <name>\`. Each section was measured in one run, side by side. Machines
are noisy: compare the ratios.
`;

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Markdown table. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Rows of the table of a section, without its head; none if there is no such section. */
export function rowsOf(name: string): string[][] {
  const section = existsSync(FILE) ? readFileSync(FILE, 'utf8').split(/^(?=## )/m) : [];
  const lines = section.find((one) => one.startsWith(`## ${name}\n`))?.split('\n') ?? [];
  return lines
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '));
}

/** Replaces the section of that name, or adds it. `paragraphs` are wrapped at 100 characters, tables are not. */
export function writeSection(name: string, paragraphs: string[]): void {
  const old = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD;
  const [head = HEAD, ...sections] = old.split(/^(?=## )/m);
  const others = sections.filter((section) => !section.startsWith(`## ${name}\n`));
  const all = [...others, `## ${name}\n\n${[...paragraphs, machine()].map(wrap).join('\n\n')}\n`].sort();
  writeFileSync(FILE, [head.trimEnd(), ...all.map((section) => section.trimEnd())].join('\n\n').concat('\n'));
}

/** Breaks a paragraph into lines of less than 100 characters. */
function wrap(paragraph: string): string {
  if (paragraph.startsWith('|')) return paragraph;
  return paragraph.replaceAll(/(?=.{100})(.{1,99}) /g, '$1\n');
}

function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown CPU'}, ${memory} GiB, ${type()} ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}, ${commit()}${new Date().toISOString().slice(0, 10)}.`;
}

/** What was measured: `05088d2, `; empty outside a clone. */
function commit(): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  return status === 0 ? `${stdout.trim()}, ` : '';
}
