import fc from 'fast-check';

const SURROGATES = 0xd800;
const SURROGATE_COUNT = 0x800;

/** Any character, as fast-check's unit `binary`, for which each process computes a table of a million rows: a second of CPU. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff - SURROGATE_COUNT })
  .map((index) => String.fromCodePoint(index < SURROGATES ? index : index + SURROGATE_COUNT));
