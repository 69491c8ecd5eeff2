import { type Finding, LEVELS, type Level } from './finding.js';

const ORDER = Object.keys(LEVELS) as Level[];
const LABELS: Record<Level, string> = { stops: 'STOPS', warning: 'WARNING', note: 'note', ok: 'ok' };

/** Sorts findings, worst first; within one level, in the order of the checks. */
export const worstFirst = (findings: Finding[]) =>
  [...findings].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));

/** One line for each finding, and a summary. */
export function findingLines(findings: Finding[]): string[] {
  const count = findings.filter(({ level }) => level === 'stops').length;
  const verdict =
    count === 0
      ? 'nothing here would stop a release'
      : `a release would be stopped: ${count} ${count === 1 ? 'problem' : 'problems'} to fix`;
  return [...worstFirst(findings).map(findingLine), verdict];
}

function findingLine({ level, area, what, fix }: Finding): string {
  return `${LABELS[level].padEnd(7)}  ${area.padEnd(8)}  ${what}${fix ? ` (fix: ${fix})` : ''}`;
}
