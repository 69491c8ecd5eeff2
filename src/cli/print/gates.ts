import { PAUSED } from '../../contract/hold.js';
import { oneLine } from '../../domain/markdown.js';
import type { GateNow, GatesNow } from '../../temporal/gates.js';
import { LANE_UNAVAILABLE } from '../../temporal/lane-client.js';
import { isUnavailable } from '../../temporal/lane-view.js';
import { clockLines, unlistedLines } from './status.js';

/** What a gate needs, worst first. */
const LEVELS = ['ALARM', 'STOPPED', 'HELD', 'PAUSED', 'running', 'idle', 'new'] as const;
type Level = (typeof LEVELS)[number];

/** Gates that are named if they did not answer in time. */
const MAX_LATE = 10;

/** All gates, one line each: what needs a person comes first. */
export function gateLines({ gates, paused, late, unlisted, workers, unasked, clocks }: GatesNow): string[] {
  const width = Math.max(...gates.map(({ gate }) => gate.length));
  const rows = gates.map((gate) => ({ gate, ...stateOf(gate) }));
  rows.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  return [
    workersLine(workers, unasked),
    ...clockLines(clocks),
    ...unlistedLines(unlisted),
    ...(late.length > 0 ? [lateLine(late)] : []),
    ...paused.map((id) => `STOPPED  ${oneLine(id)} is paused in Temporal`),
    ...rows.map(({ gate, level, what }) => `${level.padEnd(8)} ${gate.gate.padEnd(width)}  ${what}`),
    ...(rows.some(({ level }) => LEVELS.indexOf(level) < LEVELS.indexOf('running'))
      ? ['more: canary --gate NAME status']
      : []),
  ];
}

function workersLine(workers: string[], unasked?: string): string {
  if (unasked !== undefined) return `WORKERS  are not known: ${oneLine(unasked)}`;
  return workers.length > 0
    ? `workers  ${workers.join(', ')}`
    : 'WORKERS  NONE poll: nothing moves until one does (canary worker)';
}

function lateLine(late: string[]): string {
  const names = late.slice(0, MAX_LATE).join(', ') + (late.length > MAX_LATE ? ', …' : '');
  return `GATES    ${late.length} did not answer in time: ${names} (canary --gate NAME status)`;
}

function stateOf({ lane, running, paused }: GateNow): { level: Level; what: string } {
  const held = running.filter(({ waitingFor }) => waitingFor !== null);
  const runs = running.map(({ workflowId, phase }) => `${workflowId} ${phase ?? 'begins'}`).join(', ');
  // A gate that never released has no lane.
  if (lane === 'none')
    return running.length > 0 ? { level: 'running', what: runs } : { level: 'new', what: 'nothing was promoted yet' };
  if (isUnavailable(lane)) return { level: 'ALARM', what: oneLine(LANE_UNAVAILABLE[lane]) };
  const live = `live ${lane.live?.sha ?? 'unknown'}`;
  const [alarm = lane.missing[0]] = lane.alarms;
  if (alarm !== undefined) return { level: 'ALARM', what: oneLine(alarm) };
  if (paused.length > 0)
    return { level: 'STOPPED', what: `paused in Temporal: ${oneLine(paused.join(', '))}; ${live}` };
  if (lane.hold) return { level: 'HELD', what: oneLine(`automatic promotion: ${lane.hold.name}: ${lane.hold.why}`) };
  if (held[0])
    return {
      level: 'HELD',
      what: `${held.map(({ workflowId, waitingFor }) => `${workflowId}: ${waitingFor}`).join(', ')}; ${live}`,
    };
  // The lane knows its holder, also while runs cannot be listed.
  const holder = running.some(({ workflowId }) => workflowId === lane.holder?.workflowId) ? null : lane.holder;
  if (holder?.heldFor && holder.heldFor.hold !== PAUSED)
    return { level: 'HELD', what: oneLine(`${holder.workflowId}: ${holder.heldFor.hold}; ${live}`) };
  if (lane.pause) return { level: 'PAUSED', what: oneLine(`by ${lane.pause.by}: ${lane.pause.why}; ${live}`) };
  if (running.length > 0) return { level: 'running', what: `${runs}; ${live}` };
  return holder ? { level: 'running', what: oneLine(`${holder.workflowId}; ${live}`) } : { level: 'idle', what: live };
}
