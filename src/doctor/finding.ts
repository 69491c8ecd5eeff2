/** Severity of a finding, worst first. */
export const LEVELS = {
  stops: 'A release would fail, hang or be held.',
  warning: 'A release continues, but perhaps not as intended.',
  note: 'Unusual, or good to know.',
  ok: 'As it should be.',
} as const;
export type Level = keyof typeof LEVELS;

/** One finding, as one line of text; it never contains a secret. */
export interface Finding {
  area: 'temporal' | 'workers' | 'lane' | 'runs' | 'registry' | 'tenants' | 'settings' | 'network';
  level: Level;
  what: string;
  /** Command or change that fixes it. */
  fix?: string;
}

/** Whether any finding would stop a release. */
export const stops = (findings: Finding[]) => findings.some(({ level }) => level === 'stops');
