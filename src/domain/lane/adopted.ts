import type { PinnedImage } from '../release.js';
import type { Left } from './state.js';

/** Whether `:latest` was found elsewhere than a run saw it, and the lane was told since that it should be there. */
export function isAdopted(seen: PinnedImage[], found: PinnedImage['latest'][], left: Left[] = []): boolean {
  const isNew = seen.some(({ latest }, index) => latest !== found[index]);
  const should = ({ repository }: PinnedImage) => left.find((one) => one.repository === repository)?.digest;
  return isNew && seen.every((image, index) => should(image) === found[index]);
}
