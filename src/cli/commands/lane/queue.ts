import { laneNow } from '../../../temporal/lane-view.js';
import { type Command, OUTPUT, TEMPORAL } from '../../command.js';
import { printLaneQuery } from '../../lane-query.js';
import { queueLines } from '../../print/lane.js';

export const queue: Command = {
  options: [...OUTPUT],
  environment: [...TEMPORAL],
  examples: ['canary queue', 'canary queue -o json'],
  run: (given, io) =>
    printLaneQuery(given, io, laneNow, ({ live, back, ...data }) => ({ lines: queueLines(data, Date.now()), data })),
};
