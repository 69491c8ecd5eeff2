/** Deviation from the story; the demo prints its message as one line. */
export class StoryError extends Error {
  override readonly name = 'StoryError';
}
