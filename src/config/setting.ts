import * as z from 'zod';
import { InvalidInput } from '../contract/brand.js';
import { parseDuration } from '../domain/duration.js';

// How the settings of the schema are written.

/** A zod type of a parser that throws `InvalidInput`. */
export const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
export const duration = (fallback: string) => parsed(parseDuration).prefault(fallback);
export const positive = (fallback: string) => duration(fallback).refine((ms) => ms > 0, 'must be more than 0');
export const orNull = <S extends z.ZodType>(schema: S) =>
  schema.optional().transform((value): z.output<S> | null => value ?? null);
export const text = z.string();
export const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .prefault('false')
  .transform((value) => value === 'true');

/** One setting: its variable, what it is for, and how its text is parsed. */
export const setting = <S extends z.ZodType>(variable: string, description: string, schema: S): S =>
  schema.meta({ variable, description });
export const secret = <S extends z.ZodType>(variable: string, description: string, schema: S): S =>
  schema.meta({ variable, description, secret: true });
