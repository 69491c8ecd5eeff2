import { writeFileSync } from 'node:fs';
import { InvalidInput } from '../../contract/brand.js';
import type { Io } from '../command.js';
import { EXIT } from '../exit-codes.js';

/** Writes a page to the file of `--html`, and prints where it is.
 * @throws {InvalidInput} */
export function writePage(file: string, content: string, io: Io): number {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new InvalidInput(`--html: ${(error as Error).message}`);
  }
  io.out(`wrote ${file}`);
  return EXIT.done;
}
