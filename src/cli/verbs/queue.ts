import { laneNow } from '../../temporal/lane-view.js';
import { printLaneQuery } from '../ask-lane.js';
import type { Given, Io } from '../command.js';
import { queueLines } from '../lane-lines.js';

export function queue(given: Given, io: Io): Promise<number> {
  return printLaneQuery(given, io, laneNow, ({ live, back, ...data }) => ({
    lines: queueLines(data, Date.now()),
    data,
  }));
}
