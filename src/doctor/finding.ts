/** How much it matters, worst first. */
export const LEVELS = {
  stops: 'A release would fail, hang or be held.',
  warning: 'A release goes on, but perhaps not as meant.',
  note: 'Unusual, or good to know.',
  ok: 'As it should be.',
} as const;
export type Level = keyof typeof LEVELS;

/** One thing that was found, a line for people; never with a secret in it. */
export interface Finding {
  area: 'temporal' | 'workers' | 'lane' | 'runs' | 'registry' | 'tenants' | 'settings';
  level: Level;
  what: string;
  /** What to do about it. */
  fix?: string;
}

/** Whether a release would be stopped. */
export const stops = (findings: Finding[]) => findings.some(({ level }) => level === 'stops');
