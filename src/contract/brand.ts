declare const brand: unique symbol;

/** String that was parsed once, at the border; no code inside parses it again. */
export type Brand<Name extends string> = string & { readonly [brand]: Name };

/** Error for invalid input; its one line says what was given, where, and what is expected. It never contains a secret. */
export class InvalidInput extends Error {
  override readonly name: string = 'InvalidInput';
}

/** Formats a value for a message: a string quoted and cut to 80 characters, anything else by its type. */
export function shown(value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : typeof value;
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}

/** What a parser returns; null if it throws `InvalidInput`. Any other error passes. */
export function nullIfInvalid<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidInput) return null;
    throw error;
  }
}
