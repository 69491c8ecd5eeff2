/** Length of a run that counts as a leak, in characters. */
const RUN = 8;
/** Layers of base64 or hex that a reader undoes. */
const MAX_LAYERS = 2;

/** The first 8 characters in a row of one of the secrets that a reader could get out of a text, or null. Shares no code with the redaction of the product. */
export function leakedRun(text: string, ...secrets: string[]): string | null {
  const wanted = new Set(
    secrets.flatMap((one) => [bare(one), bare(decoded(one))]).flatMap((form) => [...runsOf(form)]),
  );
  return find(text, MAX_LAYERS);

  function find(shown: string, layers: number): string | null {
    for (const view of [bare(shown), bare(decoded(shown))]) {
      for (const run of runsOf(view)) if (wanted.has(run)) return run;
    }
    if (layers === 0) return null;
    const digits = decoded(shown).replace(/[\s\p{C}]/gu, '');
    for (const inner of [...base64In(digits), ...hexIn(digits)]) {
      const leaked = find(inner, layers - 1);
      if (leaked !== null) return leaked;
    }
    return null;
  }
}

function* runsOf(text: string): Generator<string> {
  for (let at = 0; at + RUN <= text.length; at++) yield text.slice(at, at + RUN);
}

const bare = (text: string) => text.replace(/[\s\p{C}\p{M}]/gu, '').toLowerCase();

/** The text without percent-encoding, backslash escapes and entities, as often as there are any. */
export function decoded(given: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  let text = given.replace(/[\s\p{C}]/gu, '');
  for (let before = ''; before !== text; ) {
    before = text;
    text = text
      .replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
      .replace(/\\u([0-9a-f]{4})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\([^\w\s])/g, '$1')
      .replace(/&#(\d+);/g, (_, number) => String.fromCharCode(Number(number)))
      .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/&(amp|lt|gt|quot|apos);/g, (_, name) => entities[name] as string)
      .replace(/[\s\p{C}]/gu, '');
  }
  return text;
}

function base64In(text: string): string[] {
  return [...text.matchAll(/[A-Za-z0-9+/_-]{11,}/g)].flatMap(([run]) =>
    [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), 'base64').toString()),
  );
}

function hexIn(text: string): string[] {
  return [...text.matchAll(/(?:(?:0x)?[0-9a-f][:,]?){16,}/gi)].flatMap(([run]) =>
    [0, 1].map((from) => Buffer.from(run.replaceAll(/0x|[:,]/gi, '').slice(from), 'hex').toString()),
  );
}
