import { oneLine, withoutSecrets } from './server-message.js';

const MAX_WARNINGS = 100;
/** distribution-spec, "Warnings": `Warning: 299 - "text"`. */
const WARNING = /^299 \S+ "((?:[^"\\]|\\.)*)"/;

/** Passes on what registries want people to know, each text once in the life of a client. */
export function createWarnings(tell: (text: string) => void) {
  const told = new Set<string>();
  return (host: string, header: string | string[] | undefined, secrets: Iterable<string>): void => {
    for (const value of [header ?? []].flat()) {
      const text = WARNING.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
      if (!text || told.size >= MAX_WARNINGS) continue;
      const line = `${host} warns: ${oneLine(withoutSecrets(text, secrets))}`;
      if (told.has(line)) continue;
      told.add(line);
      tell(line);
    }
  };
}
