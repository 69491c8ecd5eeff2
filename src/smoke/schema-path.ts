import type { z } from 'zod';

interface Def {
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  items?: z.ZodType[];
  valueType?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
}

/** Where in a schema something did not fit: `$[0].content`. Only keys that the suite itself has written are told; a key of the answer is `*`, for this may be shown to anybody. */
export function schemaPath(schema: z.ZodType, path: readonly PropertyKey[]): string {
  let at: z.ZodType | undefined = schema;
  let text = '$';
  for (const key of path) {
    const def = defOf(at);
    at = undefined;
    if (typeof key === 'number') {
      at = def.items?.[key] ?? def.element;
      text += `[${key}]`;
    } else if (def.shape && typeof key === 'string' && Object.hasOwn(def.shape, key)) {
      at = def.shape[key];
      text += `.${key}`;
    } else {
      at = def.valueType;
      text += '.*';
    }
  }
  return text;
}

/** The definition under optional, default, pipe and the like. */
function defOf(schema: z.ZodType | undefined): Def {
  let def = (schema as { def?: Def } | undefined)?.def ?? {};
  for (let inner = def.innerType ?? def.in; inner !== undefined; inner = def.innerType ?? def.in)
    def = (inner as unknown as { def?: Def }).def ?? {};
  return def;
}
