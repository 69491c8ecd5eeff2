import { type MoveProgress, progressLine } from '../../contract/move.js';
import { oneLine } from '../../domain/markdown.js';

/** Interval of the lines about images that are not at their target yet, in milliseconds. */
export const PROGRESS_MS = 15_000;

/** Prints a line at most every 15 s for each image. */
export function throttledProgress(print: (line: string) => void): (progress: MoveProgress) => void {
  const printedAt = new Map<string, number>();
  const began = performance.now();
  return (progress) => {
    if (performance.now() - (printedAt.get(progress.repository) ?? began) < PROGRESS_MS) return;
    printedAt.set(progress.repository, performance.now());
    print(oneLine(progressLine(progress)));
  };
}
