declare const brand: unique symbol;

/** A string that was parsed once, at the border; nothing inside parses it again. */
export type Brand<Name extends string> = string & { readonly [brand]: Name };

/** Invalid input, in one line: what was given, where, and how to fix it. Never carries a secret. */
export class InvalidInput extends Error {
  override readonly name: string = 'InvalidInput';
}

/** The given text as it may stand in a message: quoted, cut to 80 characters; anything but a string is named by its type. */
export function shown(value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : typeof value;
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}
