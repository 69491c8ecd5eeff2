import { parseDuration } from '../../domain/duration.js';
import { type Given, textOption } from '../command.js';

/** Longest wait without `--timeout`. */
export const DEFAULT_TIMEOUT = '45m';

/** How long to wait, in milliseconds; commands read it before they start anything.
 * @throws {InvalidInput} */
export const timeoutOf = (given: Given): number => parseDuration(textOption(given, 'timeout') ?? DEFAULT_TIMEOUT);
