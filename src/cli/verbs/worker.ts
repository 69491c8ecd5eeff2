import { runWorker } from '../../../workers/main.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';

export async function worker(_given: Given, io: Io): Promise<number> {
  await runWorker(io.env);
  return EXIT.done;
}
