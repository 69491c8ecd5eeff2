/** Something went otherwise than the story tells it; its message is the one line that people see. */
export class StoryError extends Error {
  override readonly name = 'StoryError';
}
